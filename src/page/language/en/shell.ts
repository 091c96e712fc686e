import { plural } from '../plural.ts';

export const shell = {
  tagline: 'Pick a name, pick a room, start talking.',
  nickname: 'Nickname',
  wrongNickname: (maxChars: number) => `Please choose another name, of 1 to ${maxChars} plain characters.`,
  room: 'Room',
  wrongRoom: 'A room’s name has letters, digits, inner spaces and _ - . : @ ~ only.',
  avatar: 'Avatar',
  avatarNumber: (number: number) => `Avatar ${number}`,
  enter: 'Enter the room',

  connecting: 'Connecting…',
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  notInRoom: 'Not in this room',
  disconnected: 'Disconnected',
  peopleHere: (count: number) => plural('en', count, { one: '1 person here', other: `${count} people here` }),
  backIn: (seconds: number) => `Coming back in ${seconds} s…`,
  tryNow: 'Try now',
  enterAgain: 'Enter again',
  reconnect: 'Reconnect',

  leave: 'Leave',
  leaveTitle: 'Leave or switch room',
  leaveUnsent: (count: number) =>
    plural('en', count, {
      one: 'A message has not been sent yet. Leave anyway?',
      other: `${count} messages have not been sent yet. Leave anyway?`,
    }),
  share: 'Share',
  shareTitle: 'Copy a link to this room',
  copied: 'Copied',
};
