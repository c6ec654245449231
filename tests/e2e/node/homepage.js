// What Homepage does with dockerode: it lists, inspects and asks for stats once; then what it does not do.
const Docker = require("dockerode");

async function main(socketPath, name) {
  const docker = new Docker({ socketPath });
  const containers = await docker.listContainers({ all: true });
  const container = docker.getContainer(name);
  const { State } = await container.inspect();
  const stats = await container.stats({ stream: false });
  const refused = [];
  const others = { logs: () => container.logs({ stdout: true }), restart: () => container.restart() };
  for (const [word, ask] of Object.entries(others)) {
    try {
      await ask();
    } catch (error) {
      refused.push(`${word} ${error.statusCode}`);
    }
  }
  const listed = containers.some((one) => one.Names.includes(`/${name}`));
  console.log(JSON.stringify({ listed, running: State.Running, measured: "cpu_stats" in stats, refused }));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
