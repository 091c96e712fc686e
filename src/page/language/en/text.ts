export const text = {
  copy: 'Copy',
  copied: 'Copied',
  showAllLines: (lines: string) => `Show all ${lines} lines`,
  showAllCharacters: (characters: string) => `Show all ${characters} characters`,
  showLess: 'Show less',
};
