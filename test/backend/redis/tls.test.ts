import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { BackendError } from '../../../src/backend/backend.ts';
import { openRedisPrimary } from '../../../src/backend/redis/primary.ts';
import { append, newRoom } from '../../contract/peers.ts';
import { peerForTest, redisForTest, redisOptions, silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/ports.ts';

const run = promisify(execFile);

interface Certificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

let certificates: Certificates;

/** An authority, and a certificate of it for 127.0.0.1 that servers and clients share. */
async function makeCertificates(dir: string): Promise<Certificates> {
  const file = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test ca');
  await openssl('req', ...newKey, '-keyout', 'own.key', '-out', 'own.csr', '-subj', '/CN=roomcast');
  await writeFile(file('ext'), 'subjectAltName=IP:127.0.0.1\n');
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
  await openssl('x509', '-req', '-in', 'own.csr', ...authority, '-extfile', 'ext', '-out', 'own.pem');
  return { caFile: file('ca.pem'), certFile: file('own.pem'), keyFile: file('own.key') };
}

beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-tls-'));
  certificates = await makeCertificates(dir);
  return () => rm(dir, { recursive: true, force: true });
});

const serverSettings = ({ caFile, certFile, keyFile }: Certificates) => [
  ...['--tls-ca-cert-file', caFile],
  ...['--tls-cert-file', certFile],
  ...['--tls-key-file', keyFile],
];

async function tlsRedisForTest(): Promise<string> {
  const tlsPort = await freePorts(1);
  await redisForTest(['--tls-port', String(tlsPort), ...serverSettings(certificates)]);
  return `rediss://127.0.0.1:${tlsPort}`;
}

async function refusalBy(url: string, options: object): Promise<string> {
  const opening = openRedisPrimary({
    options: redisOptions(url, options),
    host: 'test',
    log: silent,
    patienceMs: 300,
  });
  const error = await opening.then(
    (primary) => primary.close(),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BackendError);
  return (error as BackendError).message;
}

it('workers and primary reach a Redis that asks for a certificate', async () => {
  const url = await tlsRedisForTest();
  const { caFile, certFile, keyFile } = certificates;
  const files = { redisCaFile: caFile, redisCertFile: certFile, redisKeyFile: keyFile };
  const primary = await openRedisPrimary({ options: redisOptions(url, files), host: 'test', log: silent });
  onTestFinished(() => primary.close());
  const peer = await peerForTest(url, files);
  expect(await append(peer, newRoom(), 'secret')).toMatchObject({ seq: 1 });
  await eventually(async () => expect(await peer.bus.probe()).toMatchObject({ ok: true }));
});

it('the start says when Redis cannot be trusted, wants a certificate, or a file is missing', async () => {
  const url = await tlsRedisForTest();
  const { caFile } = certificates;
  expect(await refusalBy(url, {})).toMatch(/certificate/);
  expect(await refusalBy(url, { redisCaFile: caFile })).toMatch(/certificate required|ECONNRESET|closed/i);
  expect(await refusalBy(url, { redisCaFile: '/nowhere/ca.pem' })).toMatch(
    /REDIS_CA_FILE cannot be read: ENOENT/,
  );
});
