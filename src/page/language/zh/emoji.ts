import type { Texts } from '../en.ts';

export const emoji: Texts['emoji'] = {
  open: '插入表情',
  title: '表情',
  search: '搜索表情',
  found: '搜索结果',
  recent: '最近使用',
  none: '没有这样的表情。',
  failed: '无法加载表情。',
  groups: {
    faces: '笑脸',
    people: '人物',
    hearts: '爱心',
    nature: '自然',
    food: '饮食',
    things: '物品',
    signs: '符号',
  },
};
