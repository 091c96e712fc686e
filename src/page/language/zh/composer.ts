import type { Texts } from '../en.ts';

export const composer: Texts['composer'] = {
  message: '消息',
  placeholder: '输入消息',
  editing: '正在编辑你的消息',
  replyingTo: '回复',
  cancel: '取消',
  send: '发送',
  sendTitle: '发送（Enter）',
  bytesTooLong: (bytes) => `超出 ${bytes} 字节`,
  bytesLeft: (bytes) => `还可输入 ${bytes} 字节`,
  muted: (until) => (until === undefined ? '你在此房间被禁言。' : `你在此房间被禁言，直到 ${until}。`),
  isTyping: '正在输入…',
  and: '和',
  areTyping: '正在输入…',
  severalTyping: '多人正在输入…',
};
