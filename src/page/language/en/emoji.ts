export const emoji = {
  open: 'Insert an emoji',
  title: 'Emoji',
  search: 'Search emoji',
  found: 'Found',
  recent: 'Recent',
  none: 'No emoji is called that.',
  failed: 'The emoji could not be loaded.',
  groups: {
    faces: 'Faces',
    people: 'People',
    hearts: 'Hearts',
    nature: 'Nature',
    food: 'Food and drink',
    things: 'Things',
    signs: 'Signs',
  },
};
