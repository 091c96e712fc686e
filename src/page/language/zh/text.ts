import type { Texts } from '../en.ts';

export const text: Texts['text'] = {
  copy: '复制',
  copied: '已复制',
  showAllLines: (lines) => `显示全部 ${lines} 行`,
  showAllCharacters: (characters) => `显示全部 ${characters} 个字符`,
  showLess: '收起',
};
