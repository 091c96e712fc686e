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
  service: '服务',
  confusableMark: '名称相似',
  confusable: '此名称与房间里另一个人的名称很像。',
  edited: '已编辑',
  replies: (count) => `${count} 条回复`,
  newSince: '你离开后的新消息',
  goToQuoted: '转到这条消息',
  earlierMessage: '更早的一条消息',
  reactions: '回应',
  moreReactions: '更多回应',
  reactWith: (reaction) => `用 ${reaction} 回应`,
  reactedBy(names, count) {
    const rest = count - names.length;
    if (names.length === 0) return `${count} 人`;
    return rest > 0 ? `${names.join('、')} 和另外 ${rest} 人` : names.join('、');
  },
  actions: '操作',
  action: { reply: '回复', react: '回应', copy: '复制文字', edit: '编辑', delete: '删除' },
  deleteQuestion: '要为所有人删除这条消息吗？',
  cancel: '取消',
  failed: {
    edit: '消息未能修改。',
    delete: '消息未能删除。',
    react: '回应未能保存。',
  },
  close: '关闭',
  sending: '正在发送…',
  notInRoom: '未发送：你不在此房间。',
  waiting: '等待连接…',
  retry: '重试',
  discard: '放弃',
  takeBack: '编辑',
};
