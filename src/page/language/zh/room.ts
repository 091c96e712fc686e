import type { Texts } from '../en.ts';

export const room: Texts['room'] = {
  messages: '消息',
  loadEarlier: '加载更早的消息',
  loading: '正在加载…',
  loadFailed: '加载失败，请重试',
  noFurther: '此页面无法显示更早的消息。',
  empty: '还没有人说话，打个招呼吧！',
  newMessages: (count) => `${count} 条新消息`,
  toNewest: '回到最新',
  maybeMissing: '此处可能缺少一些消息。',
  removed: '一条消息已被删除',
  you: '你',
  joined: '加入了房间',
  left: '离开了房间',
  edited: '已编辑',
  sending: '正在发送…',
  notInRoom: '未发送：你不在此房间。',
  waiting: '等待连接…',
  retry: '重试',
  discard: '放弃',
};
