// Use an image, a container and a network as a test does with Testcontainers, or try to reach further.
const { GenericContainer, Network, Wait } = require("testcontainers");

// After a restart the library looks only at lines that are younger than what the engine then calls the start.
const COMMAND = ["sh", "-c", "sleep 0.5; echo it is ready; exec sleep 600"];

async function run(name, context) {
  const network = await new Network().start();
  const image = await GenericContainer.fromDockerfile(context).withCache(false).build(`${name}:built`);
  const container = await image
    .withName(name)
    .withNetwork(network)
    .withNetworkAliases("one")
    .withExposedPorts(80)
    .withEnvironment({ A: "b", C: "d" })
    .withLabels({ case: name })
    .withTmpFs({ "/scratch": "rw,size=1m" })
    .withResourcesQuota({ memory: 0.0625, cpu: 0.5 })
    .withCopyContentToContainer([{ content: "copied", target: "/tmp/file" }])
    .withCommand(COMMAND)
    .withWaitStrategy(Wait.forLogMessage("it is ready"))
    .start();
  const { output, exitCode } = await container.exec(["sh", "-c", "echo $A; cat /tmp/file"], { env: { E: "f" } });
  const published = container.getMappedPort(80) > 0;
  await container.restart({ timeout: 0 });
  await container.stop({ timeout: 0 });
  await network.stop();
  return { ran: `${output.trim()} ${exitCode}`, published };
}

async function overreach() {
  const started = [
    (each) => each.withPrivilegedMode(),
    (each) => each.withBindMounts([{ source: "/etc", target: "/host" }]),
    (each) => each.withAddedCapabilities("ALL"),
    (each) => each.withNetworkMode("host"),
  ].map((widen) => widen(new GenericContainer("busybox").withCommand(["true"])).start());
  return (await Promise.allSettled(started)).map(({ reason }) => reason?.statusCode);
}

// End at a line, without a word, as a program does that is killed: Ryuk removes what it leaves.
async function leave() {
  await new GenericContainer("busybox").withCommand(["sh", "-c", "trap exit TERM; sleep 600 & wait"]).start();
  process.stdin.once("data", () => process.exit(0));
  return "started";
}

const [what, ...rest] = process.argv.slice(2);
({ run, overreach, leave })[what](...rest).then(
  (shown) => console.log(JSON.stringify(shown)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
