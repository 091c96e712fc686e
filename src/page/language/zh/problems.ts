import type { Texts } from '../en.ts';

export const problems: Texts['problems'] = {
  unknownFate: '无法确定这条消息是否送达。再次发送可能会重复显示。',
  tooMany: '等待发送的消息太多了。',
  newIdentity: '未发送：服务器现在以新的身份识别你。重试将以新身份发送。',
  tooLong: '内容太长，无法发送。',

  rateLimited: '发送太频繁，请稍候。',
  unavailable: '服务器暂时无法保存消息。',
  internal: '服务器出错了。',
  kicked: '你已被移出此房间。',
  banned: (until) =>
    until === undefined ? '你已被禁止进入此房间。' : `你已被禁止进入此房间，直到 ${until}。`,
  muted: '未发送：你当时在此房间被禁言。',
  excluded: (until) =>
    until === undefined ? '你已被禁止使用此服务器。' : `你已被禁止使用此服务器，直到 ${until}。`,
  full: '此房间已满。',
  tooManyRooms: '你进入的房间太多了。请先离开一个。',
  reserved: '此名称已被保留，请换一个名字。',
  notTaken: '未发送：对方不接收你的消息。',
  tooManyBlocks: '你屏蔽的人太多了。请先取消屏蔽一个。',
  connectionLost: '连接已断开。',
  moved: '此服务器即将关闭。',
  tooSlow: '此连接太慢，跟不上消息。',
  expired: '登录已过期。',
  disconnected: '管理员结束了此连接。',
  overLimit: '此连接发送的内容超出了限制。',
};
