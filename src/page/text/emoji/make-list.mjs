/**
 * Prints emoji-list.ts: the names of the emoji that the picker offers, from emojibase-data. A test compares the two.
 *
 *   node src/page/text/emoji/make-list.mjs > src/page/text/emoji/emoji-list.ts
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** The groups in the order of the picker, each in the order of its row. */
export const CHOSEN = {
  faces:
    '😀😃😄😁😆😅🤣😂🙂🙃😉😊😇🥰😍🤩😘😋😜🤪🤗🤫🤔🤐🤨😐😑😶😏😒🙄😬😌😔😪😴😷🤒🤕🤢🤮🤧🥵🥶😵🤯🥳😎🤓🧐😕😟🙁😮😳🥺😨😰😥😢😭😱😣😞😓😩🥱😤😡😠🤬😈💀💩🤡👻👽🤖😺🙈🙉🙊',
  people: '👋🤚✋👌🤏✌️🤞🤟🤘🤙👈👉👆👇☝️👍👎✊👊👏🙌🤝🙏✍️💪👀👁️🧠🤷🤦🙋🙅🙆💁💃🧑‍💻',
  hearts: '❤️🧡💛💚💙💜🖤🤍💔💕💞💓💖💘💝💯💢💥💫💦💤',
  nature: '🐶🐱🐭🐰🦊🐻🐼🐯🦁🐸🐵🐧🦉🐝🐛🦋🐢🐍🐙🐟🐬🦄🌸🌹🌻🌳🍀🌍🌙⭐✨⚡🔥🌈☀️🌧️❄️⛄🌊',
  food: '🍎🍌🍉🍓🍒🥑🥕🍞🧀🍔🍟🍕🌮🍜🍣🍚🍦🍩🎂🍰🍫🍿☕🍵🍺🍻🥂🧋',
  things: '🎉🎊🎁🎈🏆🎯🎮🎲🎵🎨⚽🚗🚕🚲✈️🚀🚂🏠🏖️⛰️⏰📅📌✂️📝📚💻📱💡🔦🔧⚙️🔒🔑📦📧📷🎥🔔🔕🔍💰💎💊🚨',
  signs: '✅✔️❌➕➖❓❗⚠️🚫🛑♻️🔴🟡🟢🔵▶️🔁⬆️⬇️⬅️➡️🔗🆕🆒🔝🏁🚩',
};

const MAX_TAGS = 2;
/** Words that most of a group have tell nothing apart. */
const COMMON = ['face', 'eye', 'eyes', 'hand', 'animal', 'feels', 'mouth', 'heart', 'button'];

/** The module with the names: a line for each emoji, with its codes, words to find it by, and its name in Chinese. */
export function listModule() {
  const require = createRequire(import.meta.url);
  const english = new Map(
    require('emojibase-data/en/compact.json').map((entry) => [bare(entry.unicode), entry]),
  );
  const chinese = new Map(
    require('emojibase-data/zh/compact.json').map((entry) => [entry.hexcode, entry.label]),
  );
  const codes = require('emojibase-data/en/shortcodes/github.json');
  const others = require('emojibase-data/en/shortcodes/emojibase.json');
  const segments = new Intl.Segmenter('en', { granularity: 'grapheme' });

  function line(emoji) {
    const entry = english.get(bare(emoji));
    if (!entry) throw new Error(`emojibase-data has no ${emoji}`);
    const { hexcode, tags = [] } = entry;
    const names = [codes[hexcode] ?? others[hexcode]].flat();
    const words = tags.filter(
      (tag) => /^[a-z]+$/.test(tag) && !COMMON.includes(tag) && !names.some((name) => name.includes(tag)),
    );
    return [emoji, names.join(' '), words.slice(0, MAX_TAGS).join(' '), chinese.get(hexcode)].join('|');
  }

  const lists = Object.entries(CHOSEN).map(([group, emoji]) => {
    const lines = Array.from(segments.segment(emoji), ({ segment }) => line(segment));
    return `  ${group}: \`\n${lines.join('\n')}\`,`;
  });
  return [
    '/* Made by make-list.mjs from emojibase-data (MIT): emoji | codes | other words | name in Chinese. */',
    'export const EMOJI_LISTS = {',
    ...lists,
    '};',
    '',
  ].join('\n');
}

/** Texts may leave out the mark that asks for the coloured form. */
function bare(emoji) {
  return emoji.replaceAll('\uFE0F', '');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.stdout.write(listModule());
