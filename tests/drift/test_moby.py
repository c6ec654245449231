"""Moby's source is read as gofmt writes it: routes, and what their handlers read of a request."""

from pathlib import Path

from drift.facts import Route
from drift.moby import read_moby

FILES = {
    "go.mod": "module example.test/moby/v9\n",
    "daemon/config/config.go": 'package config\n\nconst (\n\tMaxAPIVersion = "1.99"\n)\n',
    "daemon/server/httputils/form.go": """package httputils

func ParseAll(r *http.Request) bool {
	return r.FormValue("shared") != ""
}
""",
    "daemon/server/router/build/build.go": """package build

func (br *buildRouter) initRoutes() {
	br.routes = []router.Route{
		router.NewPostRoute("/build", br.postBuild),
		router.NewPostRoute("/build/cancel", br.postCancel, router.WithMinimumAPIVersion("1.31")),
		router.NewGetRoute("/images/{name:.*}/get", br.getImage),
		router.NewOptionsRoute("/{anyroute:.*}", optionsHandler),
	}
}
""",
    "daemon/server/router/build/build_routes.go": """package build

import (
	"example.test/moby/v9/daemon/server/httputils"
)

func (br *buildRouter) postBuild(r *http.Request) error {
	all := httputils.ParseAll(r)
	tags := r.Form["t"]
	if httputils.BoolValue(r, "nocache") {
		return br.more(r)
	}
	return nil
}

func (br *buildRouter) more(r *http.Request) error {
	r.Form.Get("cpu-shares")
	r.Header.Get("X-Got")
	return nil
}

func (br *buildRouter) postCancel(r *http.Request) error {
	return nil
}
""",
}


def test_routes_and_what_their_handlers_read_are_found(tmp_path: Path) -> None:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    routes, names = read_moby(tmp_path)
    assert routes == [
        Route(engine="docker", method="GET", path="/images/{name}/get", first="1.99"),
        Route(engine="docker", method="POST", path="/build", first="1.99"),
        Route(engine="docker", method="POST", path="/build/cancel", first="1.99"),
    ]
    assert {(name.operation, name.where, name.field) for name in names} == {
        ("ImageBuild", "query", "shared"),
        ("ImageBuild", "query", "t"),
        ("ImageBuild", "query", "nocache"),
        ("ImageBuild", "query", "cpu-shares"),
        ("ImageBuild", "header", "X-Got"),
    }
