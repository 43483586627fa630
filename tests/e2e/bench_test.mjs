// rollcall-bench: it finds the program right, and a server that tells wrong numbers wrong.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { startServer } from '../lib/rollcall.mjs';
import { SECRET } from '../lib/token.mjs';
import { becomes } from '../lib/wait.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const built = `${root}build/bench/`;
const SERVER = {
  workers: 1,
  set: {
    jwt_secret: SECRET,
    leave_grace: '0s',
    client_events: 'true',
    messages_per_second: 100_000,
    messages_burst: 100_000,
  },
};
const TINY = ['--clients', '40', '--seconds', '1', '--rate', '20', '--secret', SECRET];

// They mostly wait, so they may do it together.
const claims = [];
const claim = (name, run) => claims.push([name, run]);

/** Runs it to its end: {code, figures, stderr}; `stdio` are more descriptors for it, from 3 on. */
async function bench(args, stdio = []) {
  const child = spawn(`${built}rollcall-bench`, [...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe', ...stdio],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', text => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', text => (stderr += text));
  const [code] = await once(child, 'close');
  return { code, stderr, figures: stdout ? JSON.parse(stdout) : null };
}

const target = server => ['--port', String(server.port), '--pid', String(server.pid), ...TINY];

for (const [name, scenario, ...args] of [
  ['memory of idle viewers', 'idle'],
  ['a storm', 'storm'],
  ['fan-out of counts', 'fanout'],
  ['fan-out of events', 'fanout', '--events'],
  ['churn', 'churn', '--topics', '4'],
  ['a busy topic', 'busy'],
  ['updates delivered', 'deliver', '--topics', '2'],
  ['slow readers', 'slow'],
  ['short visits', 'connect'],
])
  claim(`${name}: every number is right`, async t => {
    const server = await startServer(t, SERVER);

    const { code, figures, stderr } = await bench([scenario, ...target(server), ...args]);

    assert.equal(code, 0, `${JSON.stringify(figures)} ${stderr}`);
    assert.deepEqual([figures.scenario, figures.wrong], [scenario, 0]);
    assert.equal(typeof figures.own_load, 'number');
    assert.equal(typeof figures.server_load, 'number');
    assert.equal(typeof figures.bottleneck, 'boolean');
  });

for (const dialect of ['native', 'phoenix'])
  claim(`a storm of ${dialect} clients is all right`, async t => {
    const server = await startServer(t, SERVER);
    const args = ['storm', '--port', String(server.port), '--dialect', dialect, ...TINY];

    const { code, figures } = await bench(args);

    assert.deepEqual([code, figures.wrong, figures.joined], [0, 0, 40]);
    assert.equal(figures.join_cpu, null, 'without --pid nothing is known of the CPU');
  });

claim('three processes share the clients and report as one', async t => {
  const server = await startServer(t, SERVER);
  const args = ['--port', String(server.port), '--processes', '3', ...TINY];

  const storm = await bench(['storm', ...args]);
  const fanout = await bench(['fanout', ...args]);

  assert.deepEqual([storm.code, storm.figures.joined], [0, 40]);
  assert.ok(storm.figures.frames_per_client >= 1);
  assert.equal(fanout.code, 0);
  assert.ok(fanout.figures.frames >= 40 * (fanout.figures.rounds - 1), JSON.stringify(fanout.figures));
  await becomes(() => server.counts('post:0'), { viewers: 0, people: 0 });
});

/** A server of rooms that counts right up to `most`, and says that number to all others. */
async function startLiar(t, most) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const rooms = new Map();
  server.on('connection', (socket, request) => {
    const room = request.url.split('?')[0];
    rooms.set(room, (rooms.get(room) ?? new Set()).add(socket));
    const tell = () => {
      const viewers = Math.min(rooms.get(room).size, most);
      for (const other of rooms.get(room)) other.send(`{"type":"viewer_joined","viewers":${viewers}}`);
    };
    socket.on('close', () => (rooms.get(room).delete(socket), tell()));
    tell();
  });
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return server.address().port;
}

for (const [name, args, most] of [
  ['storm', [], 39],
  ['idle', [], 39],
  ['churn', ['--topics', '4'], 10],
  ['busy', [], 45],
  ['deliver', ['--topics', '2'], 15],
  ['slow', [], 39],
  ['connect', [], 0],
])
  claim(`a wrong number in ${name} is found, and the exit status says it`, async t => {
    const port = await startLiar(t, most);

    const { code, figures } = await bench([name, '--port', String(port), ...TINY, '--patience', '1', ...args]);

    assert.equal(code, 1);
    assert.ok(figures.wrong > 0);
  });

claim('the floor sends one frame to each for one byte', async t => {
  const floor = spawn(`${built}rollcall-floor`, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => floor.kill());
  const [line] = await once(floor.stdout, 'data');
  const port = /:(\d+)\//.exec(line)[1];

  const args = ['floor-fanout', '--port', port, '--pid', String(floor.pid), '--control', '3', ...TINY];
  const { code, figures } = await bench(args, [floor.stdin]);

  assert.equal(code, 0);
  assert.equal(figures.frames, 40 * figures.rounds);
  assert.ok(figures.server_us_per_frame > 0);
});

claim('what cannot be asked for ends with status 2', async () => {
  for (const args of [
    ['storm'],
    ['storm', '--port', '70000'],
    ['storm', '--port', '80', '--clients', 'many'],
    ['storm', '--port', '80', '--pid', '1,x'],
    ['storm', '--port', '80', '--dialect', 'smoke'],
    ['churn', '--port', '80', '--clients', '20001'],
    ['dance', '--port', '80'],
  ])
    assert.equal((await bench(args)).code, 2, args.join(' '));
});

claim('bench/run measures the floor and the program in one go, and writes one file', async t => {
  if (availableParallelism() < 2) return t.skip('two cores are needed');
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const output = join(folder, 'results.json');
  const args = ['--quick', '--only', 'connect', '--peer', 'none', '--output', output];

  const run = spawn(`${root}bench/run`, args, { stdio: 'ignore' });
  const [code] = await once(run, 'close');

  const { runs, machine } = JSON.parse(readFileSync(output));
  assert.equal(code, 0);
  assert.deepEqual(runs.map(({ server, figures }) => [server, figures.wrong]), [['floor', 0], ['rollcall', 0]]);
  assert.deepEqual(Object.keys(machine), ['cpu', 'cores', 'memory_gib', 'kernel'], 'nothing that names it');
});

test('rollcall-bench', { concurrency: 4 }, t =>
  Promise.all(claims.map(([name, run]) => t.test(name, run))),
);
