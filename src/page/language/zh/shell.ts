import type { Texts } from '../en.ts';

export const shell: Texts['shell'] = {
  tagline: '取个名字，选个房间，开始聊天。',
  nickname: '昵称',
  wrongNickname: (maxChars) => `请换一个名字：1 到 ${maxChars} 个普通字符。`,
  room: '房间',
  wrongRoom: '房间名只能包含文字、数字、中间的空格以及 _ - . : @ ~。',
  avatar: '头像',
  avatarNumber: (number) => `头像 ${number}`,
  enter: '进入房间',

  connecting: '正在连接…',
  connected: '已连接',
  reconnecting: '正在重新连接…',
  notInRoom: '不在此房间',
  disconnected: '已断开',
  peopleHere: (count) => `${count} 人在线`,
  backIn: (seconds) => `${seconds} 秒后恢复…`,
  tryNow: '立即重试',
  enterAgain: '重新进入',
  reconnect: '重新连接',

  leave: '离开',
  leaveTitle: '离开或切换房间',
  leaveUnsent: (count) => `还有 ${count} 条消息未发送。仍要离开吗？`,
  share: '分享',
  shareTitle: '复制房间链接',
  copied: '已复制',
};
