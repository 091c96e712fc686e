import { createRequire } from 'node:module';
import { parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are those of Kubernetes' schemas, which judge them.
  readonly [key: string]: any;
}

export function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((manifest) => manifest !== null);
}

/** @throws if there is none. */
export function manifestOf(manifests: readonly Manifest[], kind: string, name = 'roomcast'): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (!found) throw new Error(`no ${kind} is called ${name}`);
  return found;
}

const load = createRequire(import.meta.url);

/** The complaints of the Kubernetes API's schema for its kind, and the keys that the schema does not know. */
export function schemaErrors(manifest: Manifest): string[] {
  const models: Record<string, new (data: unknown) => { validate(): void }> = load(
    `kubernetes-models/${manifest.apiVersion}`,
  );
  const Model = models[manifest.kind];
  if (!Model) return [`there is no ${manifest.kind} in ${manifest.apiVersion}`];
  const unread = new Set<string>();
  const { validate } = Model.prototype;
  const watched = Object.create(
    Model.prototype,
    Object.getOwnPropertyDescriptors(watch(manifest, '', unread) as object),
  );
  try {
    validate.call(watched);
  } catch (error) {
    return [`${manifest.kind}: ${(error as Error).message}`];
  }
  return [...unread].map((path) => `${manifest.kind}: unknown key ${path}`);
}

/**
 * The API server drops keys that it does not know, and the validator passes over them. But it reads every key that it
 * knows, so what it has not read is unknown.
 */
function watch(value: unknown, path: string, unread: Set<string>): unknown {
  if (value === null || typeof value !== 'object') return value;
  const copy = Array.isArray(value) ? [] : {};
  for (const [key, inner] of Object.entries(value)) {
    const at = `${path}/${key}`;
    const seen = watch(inner, at, unread);
    if (!Array.isArray(value)) unread.add(at);
    Object.defineProperty(copy, key, {
      enumerable: true,
      get: () => {
        unread.delete(at);
        return seen;
      },
    });
  }
  return copy;
}
