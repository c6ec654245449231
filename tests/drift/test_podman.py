"""Podman's source is read as gofmt writes it: routes, what their handlers decode, and what its types have in JSON."""

from pathlib import Path

import pytest
from drift.facts import Route
from drift.podman import find_lost_types, read_podman

FILES = {
    "go.mod": "module example.test/podman/v9\n",
    "version/rawversion/version.go": 'package rawversion\n\nconst RawVersion = "9.1.0-dev"\n',
    "pkg/api/server/register_images.go": """package server

func (s *APIServer) registerImages(r *mux.Router) error {
	// swagger:operation POST /images/create compat ImageCreate
	// ---
	// parameters:
	//  - in: query
	//    name: described
	//    type: string
	//  - in: header
	//    name: X-Thing
	r.Handle(VersionedPath("/images/create"), s.APIHandler(compat.New)).Methods(http.MethodPost).Queries("a", "{a}")
	r.HandleFunc(VersionedPath("/images/{n:.*}/json"), s.APIHandler(libpod.X)).Methods(http.MethodGet, http.MethodHead)
	r.Handle(VersionedPath("/monitor"), s.APIHandler(compat.Unsupported))
	return nil
}
""",
    "pkg/api/handlers/compat/images.go": """package compat

import (
	"net/http"

	"example.test/podman/v9/pkg/api/handlers/utils"
)

type queryOfAll struct {
	Named string `schema:"named"`
	Create bool
}

type Unrelated struct {
	X string `schema:"unrelated"`
}

func New(w http.ResponseWriter, r *http.Request) {
	query := struct {
		Tag string `schema:"tag"`
	}{
		Tag: "latest",
	}
	shared := &queryOfAll{}
	utils.Decode(r, &query, shared)
	query.Unrelated()
}
""",
    "pkg/api/handlers/utils/decode.go": """package utils

func Decode(r any, all ...any) {
	var found struct {
		Deep bool `schema:"deep"`
	}
	if _, found := r.URL.Query()["listed"]; found {
		return
	}
	queryValues.Get("got")
	r.Header.Get("X-Got")
}
""",
    "pkg/api/handlers/libpod/images.go": """package libpod

func X(w http.ResponseWriter, r *http.Request) {
}
""",
    "pkg/api/handlers/types.go": "package handlers\n",
    "pkg/domain/entities/secrets.go": """package entities

import (
	"net"

	nettypes "go.example/common/types"
	spec "github.com/example/runtime-spec/specs-go"
)

type Basic struct {
	// Name is a name.
	Name string `json:"name,omitempty"` // the name
	Env  map[string]string `json:"env"`
	A, B int
	hidden string
	Left string `json:"-"`
}

type Mode string

type SecretCreateRequest struct {
	Basic
	*spec.Limits
	Inner spec.Inner `json:"inner"`
	Mode  Mode       `json:"mode"`
	Raw   []byte     `json:"raw"`
	IPs   []net.IP   `json:"ips"`
	Networks map[string]nettypes.Options
	Ports []*nettypes.Port `json:"ports"`
	Self  *SecretCreateRequest `json:"self"`
}
""",
    "vendor/go.example/common/types/types.go": """package types

type (
	Options struct {
		Aliases []string `json:"aliases"`
	}
	Port struct {
		Host int `json:"host"`
	}
)
""",
    "vendor/github.com/example/runtime-spec/specs-go/config.go": """package specs

type Limits struct {
	Pids *int64 `json:"pids"`
}

type Inner = Limits
""",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_routes_are_those_that_are_registered_with_a_method(root: Path) -> None:
    assert read_podman(root)[0] == [
        Route(engine="podman", method="GET", path="/images/{n}/json", first="9.1.0"),
        Route(engine="podman", method="HEAD", path="/images/{n}/json", first="9.1.0"),
        Route(engine="podman", method="POST", path="/images/create", first="9.1.0"),
    ]


def test_parameters_are_what_is_described_and_what_a_handler_and_its_functions_decode(root: Path) -> None:
    names = [name for name in read_podman(root)[1] if name.operation == "ImageCreate"]
    assert {(name.where, name.field) for name in names} == {
        ("query", "described"),
        ("header", "X-Thing"),
        ("query", "tag"),
        ("query", "named"),
        ("query", "deep"),
        ("query", "listed"),
        ("query", "got"),
        ("header", "X-Got"),
    }


def test_fields_are_those_of_the_types_in_json(root: Path) -> None:
    names = [name for name in read_podman(root)[1] if name.where == "body"]
    assert {name.operation for name in names} == {"SecretCreate"}
    assert {name.field for name in names if not name.field.startswith("self.")} == {
        "name",
        "env.*",
        "A",
        "B",
        "pids",
        "inner.pids",
        "mode",
        "raw",
        "ips[]",
        "Networks.*.aliases[]",
        "ports[].host",
    }
    assert "self.name" in {name.field for name in names}


def test_a_body_whose_type_is_not_there_is_said_not_to_be_compared(root: Path) -> None:
    lost = find_lost_types(root)
    assert "ContainerExec: its body is not compared, since pkg/api/handlers declares no type ExecCreateConfig" in lost
    assert not any(line.startswith("SecretCreate:") for line in lost)
