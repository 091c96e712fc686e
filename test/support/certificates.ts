import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  remove(): Promise<void>;
}

/** An authority, and a certificate of it for this machine that servers and clients share. */
export async function makeCertificates(): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-tls-'));
  const file = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test ca');
  await openssl('req', ...newKey, '-keyout', 'own.key', '-out', 'own.csr', '-subj', '/CN=roomcast');
  await writeFile(file('ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
  await openssl('x509', '-req', '-in', 'own.csr', ...authority, '-extfile', 'ext', '-out', 'own.pem');
  return {
    caFile: file('ca.pem'),
    certFile: file('own.pem'),
    keyFile: file('own.key'),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** Settings of a server that talks to its clients, replicas and other nodes by TLS alone, and asks each for a certificate. */
export function tlsSettings({ caFile, certFile, keyFile }: Certificates): string[] {
  return [
    ...['--tls-ca-cert-file', caFile],
    ...['--tls-cert-file', certFile],
    ...['--tls-key-file', keyFile],
    ...['--tls-replication', 'yes'],
  ];
}

/** The options of redis-cli for such a server. */
export function tlsOfCli({ caFile, certFile, keyFile }: Certificates): string[] {
  return ['--tls', '--cacert', caFile, '--cert', certFile, '--key', keyFile];
}
