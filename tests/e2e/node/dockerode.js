// Use a container, a network, a volume and images with dockerode, or try to reach further.
const { buffer } = require("node:stream/consumers");
const Docker = require("dockerode");
const { pack } = require("tar-stream");

const docker = new Docker();

const settings = (name) => ({
  Image: "busybox",
  Cmd: ["sh", "-c", "echo it is ready; exec sleep 600"],
  Env: ["A=b", "C=d"],
  ExposedPorts: { "80/tcp": {} },
  Labels: { case: name },
  StopTimeout: 0,
  HostConfig: { NetworkMode: name, Binds: [`${name}:/data`], CapDrop: ["ALL"], AutoRemove: false },
});

// A promise of all messages of a stream.
const follow = (stream) =>
  new Promise((resolve, reject) =>
    docker.modem.followProgress(stream, (error, messages) => (error ? reject(error) : resolve(messages))),
  );

function archive(name, content) {
  const made = pack();
  made.entry({ name }, content);
  made.finalize();
  return made;
}

async function execute(container, command) {
  const exec = await container.exec({ Cmd: command, Env: ["E=f"], AttachStdout: true, AttachStderr: true, Tty: true });
  const printed = await buffer(await exec.start({ hijack: true, stdin: false, Tty: true }));
  const { ExitCode } = await exec.inspect();
  return `${printed.toString().trim()} ${ExitCode}`;
}

async function useImages(name) {
  const context = archive("Dockerfile", "FROM busybox\nENV A=b\n");
  const labels = { case: name };
  const built = await follow(await docker.buildImage(context, { t: `${name}:built`, labels, version: "1", rm: true }));
  await docker.getImage(`${name}:built`).tag({ repo: name, tag: "tagged" });
  for (const tag of ["built", "tagged"]) {
    await docker.getImage(`${name}:${tag}`).remove();
  }
  const pulling = [{}, { authconfig: undefined }, { authconfig: {} }].map((options) =>
    docker.pull("registry.invalid/none:1", options),
  );
  const pulled = (await Promise.allSettled(pulling)).map(({ reason }) => reason.statusCode);
  return { built: built.some(({ stream }) => stream?.includes("Successfully tagged")), pulled };
}

async function run(name) {
  const labels = { case: name };
  const network = await docker.createNetwork({ Name: name, Labels: labels, Options: {}, Internal: true });
  const volume = await docker.createVolume({ Name: name, Labels: labels, DriverOpts: {} });
  const container = await docker.createContainer({ name, platform: "", ...settings(name) });
  await container.start();
  await container.update({ Memory: 2 ** 26, MemorySwap: 2 ** 27 });
  const ran = await execute(container, ["sh", "-c", "echo $A"]);
  await container.putArchive(archive("file", "copied"), { path: "/data" });
  const copied = (await buffer(await container.getArchive({ path: "/data/file" }))).includes("copied");
  const logs = (await container.logs({ stdout: true, stderr: true, tail: 10 })).includes("it is ready");
  const listed = (await docker.listContainers({ filters: { label: [`case=${name}`] } })).length;
  const { State } = await container.inspect();
  const images = await useImages(name);
  await network.disconnect({ Container: container.id, Force: true });
  await network.connect({ Container: container.id, EndpointConfig: { Aliases: ["one"] } });
  await container.rename({ name: `${name}-old` });
  await container.stop({ t: 0 });
  await container.wait();
  await container.remove({ v: true, force: true });
  await network.remove();
  await volume.remove();
  return { ran, copied, logs, listed, running: State.Running, ...images };
}

async function overreach(name) {
  const wider = [{ Privileged: true }, { Binds: ["/etc:/host"] }, { NetworkMode: "host" }, { CapAdd: ["ALL"] }];
  const { HostConfig, ...usual } = settings(name);
  const creating = wider.map((more) => docker.createContainer({ name, ...usual, HostConfig: { ...HostConfig, ...more } }));
  creating.push(docker.createNetwork({ Name: name, Driver: "macvlan" }));
  creating.push(docker.createVolume({ Name: name, DriverOpts: { type: "none", o: "bind", device: "/etc" } }));
  creating.push(docker.pull("registry.invalid/other", {}));
  return (await Promise.allSettled(creating)).map(({ reason }) => reason?.statusCode);
}

const [what, name] = process.argv.slice(2);
({ run, overreach })[what](name).then(
  (shown) => console.log(JSON.stringify(shown)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
