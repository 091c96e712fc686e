import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfiguration } from '../../src/config/configuration.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { type Manifest, manifestOf, manifestsIn, schemaErrors } from './kubernetes.ts';

const FOLDER = new URL('../../deploy/k8s/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, FOLDER), 'utf8');
const kustomization = parse(read('kustomization.yaml'));
const manifests: Manifest[] = kustomization.resources.flatMap((file: string) => manifestsIn(read(file)));
const of = (kind: string, name?: string) => manifestOf(manifests, kind, name);

const pod = of('Deployment').spec.template.spec;
const [container] = pod.containers;
const ports = new Map<string, number>(
  container.ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
);
const env = Object.fromEntries(
  container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
);

describe('the Kubernetes manifests', () => {
  it('are all in the kustomization, and valid by the schemas of Kubernetes without an unknown key', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
    expect([...kustomization.resources, 'kustomization.yaml'].sort()).toEqual(files.sort());
    expect(manifests.map(({ kind }) => kind).sort()).toEqual(
      'Deployment HorizontalPodAutoscaler Ingress NetworkPolicy PodDisruptionBudget Service Service'.split(
        ' ',
      ),
    );
    expect(manifests.flatMap(schemaErrors)).toEqual([]);
  });

  it('are judged by those schemas: a wrong type, a missing and an unknown key are found', () => {
    const broken = structuredClone(of('Deployment'));
    broken.spec.template.spec.containers[0].readinessProb = {};
    expect(schemaErrors(broken)).toEqual([
      'Deployment: unknown key /spec/template/spec/containers/0/readinessProb',
    ]);
    broken.spec.replicas = '3';
    broken.spec.selector = undefined;
    expect(schemaErrors(broken).join()).toMatch(/selector.*replicas must be integer/);
    expect(schemaErrors({ apiVersion: 'apps/v1', kind: 'Deploymint' })).toEqual([
      'there is no Deploymint in apps/v1',
    ]);
  });

  it('set settings that the start accepts, and the ports that it then opens', () => {
    const secret = { REDIS_URL: 'redis://redis:6379', AUTH_SECRET: 'x'.repeat(32) };
    const parsed = parseConfiguration({ ...env, ...secret }, { defaultWorkers: 4, terminal: false });
    expect(parsed).toMatchObject({ ok: true, warnings: [] });
    expect(ports).toEqual(
      new Map([
        ['http', Number(env.BASE_PORT)],
        ['admin', SETTINGS.adminPort.fallback],
      ]),
    );
    expect(container.volumeMounts).toEqual([{ name: 'data', mountPath: env.DATA_DIR }]);
  });

  it('name ports that the container has, wherever they name one', () => {
    const named = [
      ...manifests
        .filter(({ kind }) => kind === 'Service')
        .flatMap(({ spec }) => spec.ports.map((port: { targetPort: string }) => port.targetPort)),
      ...of('NetworkPolicy').spec.ingress.flatMap((rule: { ports: { port: string }[] }) =>
        rule.ports.map(({ port }) => port),
      ),
      ...['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => container[probe].httpGet.port),
    ];
    expect(named.filter((name) => !ports.has(name))).toEqual([]);
    const { annotations } = of('Deployment').spec.template.metadata;
    expect(annotations['prometheus.io/port']).toBe(String(ports.get('admin')));
    const service = of('Ingress').spec.rules[0].http.paths[0].backend.service;
    expect(of('Service', service.name).spec.ports[0].name).toBe(service.port.name);
  });

  it('give a pod longer to end than it takes: the wait before SIGTERM and the longest drain', () => {
    const [program, seconds] = container.lifecycle.preStop.exec.command;
    expect(program).toBe('sleep');
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(seconds) + SETTINGS.drainS.fallback + 5);
  });

  it('restart a pod only if it is not alive, and take it out if it is not ready', () => {
    expect(container.livenessProbe.httpGet.path).toBe('/healthz');
    expect(container.readinessProbe.httpGet.path).toBe('/readyz');
  });

  it('select the pods of the deployment in every object that selects', () => {
    const labels = of('Deployment').spec.template.metadata.labels;
    const selectors = [
      of('Deployment').spec.selector.matchLabels,
      of('Service').spec.selector,
      of('Service', 'roomcast-pods').spec.selector,
      of('PodDisruptionBudget').spec.selector.matchLabels,
      of('NetworkPolicy').spec.podSelector.matchLabels,
    ];
    for (const selector of selectors) expect(labels).toMatchObject(selector);
    expect(of('HorizontalPodAutoscaler').spec.scaleTargetRef).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: of('Deployment').metadata.name,
    });
  });
});

describe('the values of the Helm chart', () => {
  it('have a schema with the same names', () => {
    const chart = new URL('../../deploy/helm/roomcast/', import.meta.url);
    const values = parse(readFileSync(new URL('values.yaml', chart), 'utf8'));
    const { global, ...properties } = JSON.parse(
      readFileSync(new URL('values.schema.json', chart), 'utf8'),
    ).properties;
    expect(global).toEqual({ type: 'object' });
    expect(Object.keys(properties).sort()).toEqual(Object.keys(values).sort());
    for (const [name, { properties: inner }] of Object.entries<{ properties?: object }>(properties))
      if (inner) expect(Object.keys(inner).sort()).toEqual(Object.keys(values[name]).sort());
  });
});
