import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { type Manifest, manifestOf, manifestsIn, schemaErrors } from '../repository/kubernetes.ts';

const ROOT = new URL('../../', import.meta.url);
const path = (name: string) => fileURLToPath(new URL(name, ROOT));
const run = promisify(execFile);

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-chart-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** Needs Go with Sprig and yaml.v3 from Debian's packages: golang-go, golang-github-masterminds-sprig-dev, golang-gopkg-yaml.v3-dev. */
async function rendered(values: object = {}): Promise<Manifest[]> {
  const file = join(folder, 'values.yaml');
  await writeFile(file, stringify(values));
  const args = ['run', path('test/support/chart/main.go'), path('deploy/helm/roomcast'), file];
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
    GOCACHE: join(folder, 'cache'),
  };
  const { stdout } = await run('go', args, { env });
  return manifestsIn(stdout);
}

/** The image and the labels of a release are what the chart has beyond the manifests. */
function comparable(manifests: readonly Manifest[]) {
  const text = JSON.stringify(manifests, (key, value) =>
    key === 'app.kubernetes.io/instance' || key === 'image' || key === 'imagePullPolicy' ? undefined : value,
  );
  return (JSON.parse(text) as Manifest[]).sort((a, b) =>
    `${a.kind}${a.metadata.name}`.localeCompare(`${b.kind}${b.metadata.name}`),
  );
}

describe('the Helm chart', () => {
  it('makes the manifests of deploy/k8s by default', async () => {
    const { resources } = parse(await readFile(path('deploy/k8s/kustomization.yaml'), 'utf8'));
    const files = await Promise.all(
      resources.map((file: string) => readFile(path(`deploy/k8s/${file}`), 'utf8')),
    );
    expect(comparable(await rendered())).toEqual(comparable(files.flatMap(manifestsIn)));
  });

  it('makes valid manifests of every value that can be changed', async () => {
    const manifests = await rendered({
      replicas: 5,
      image: { tag: '9.9.9', pullPolicy: 'Always' },
      secret: 'other',
      settings: { CORS_ORIGIN: 'https://*.example.org', DRAIN_S: '20' },
      ingress: {
        tlsSecret: '',
        className: 'haproxy',
        host: 'x.example.org',
        annotations: { 'a.b/c': 'd: "e"' },
      },
      autoscaling: { enabled: false },
      networkPolicy: { enabled: false },
    });
    expect(manifests.flatMap(schemaErrors)).toEqual([]);
    const of = (kind: string) => manifestOf(manifests, kind);
    expect(manifests.map(({ kind }) => kind).sort()).toEqual(
      'Deployment Ingress PodDisruptionBudget Service Service'.split(' '),
    );
    expect(of('Deployment').spec.replicas).toBe(5);
    const [container] = of('Deployment').spec.template.spec.containers;
    expect(container).toMatchObject({
      image: 'registry.example.org/roomcast:9.9.9',
      imagePullPolicy: 'Always',
      envFrom: [{ secretRef: { name: 'other' } }],
    });
    expect(container.env).toEqual(
      expect.arrayContaining([
        { name: 'CORS_ORIGIN', value: 'https://*.example.org' },
        { name: 'DRAIN_S', value: '20' },
      ]),
    );
    expect(of('Ingress')).toMatchObject({
      metadata: { annotations: { 'a.b/c': 'd: "e"' } },
      spec: { ingressClassName: 'haproxy', rules: [{ host: 'x.example.org' }] },
    });
    expect(of('Ingress').spec.tls).toBeUndefined();
  });
});
