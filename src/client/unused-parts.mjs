import { dirname } from 'node:path';

/*
 * Parts of socket.io-client that a page of this server never reaches, so that its bundles go without them: the server speaks no
 * WebTransport, and both sides send text only. A binary frame ends the connection, as any frame does that cannot be read.
 */
const PARTS = {
  'engine.io-client/build/esm/transports/webtransport.js':
    "export class WT { get name() { return 'webtransport'; } }",
  'engine.io-parser/build/esm/encodePacket.browser.js': `
    import { PACKET_TYPES } from './commons.js';
    export const encodePacket = ({ type, data }, supportsBinary, callback) => callback(PACKET_TYPES[type] + (data || ''));
    export const encodePacketToBinary = () => {};`,
  'engine.io-parser/build/esm/decodePacket.browser.js': `
    import { ERROR_PACKET, PACKET_TYPES_REVERSE } from './commons.js';
    export const decodePacket = (encoded) => {
      const type = typeof encoded === 'string' && PACKET_TYPES_REVERSE[encoded.charAt(0)];
      if (!type) return ERROR_PACKET;
      return encoded.length > 1 ? { type, data: encoded.slice(1) } : { type };
    };`,
  'socket.io-parser/build/esm/is-binary.js':
    'export const isBinary = () => false; export const hasBinary = () => false;',
  // No packet comes here, as none has binary in it.
  'socket.io-parser/build/esm/binary.js':
    'export const deconstructPacket = (packet) => ({ packet, buffers: [] }); export const reconstructPacket = (packet) => packet;',
};

/** The plugin that leaves them out. Another release of a package, without such a file, is bundled whole. */
export const withoutUnusedParts = {
  name: 'without-unused-parts',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      const file = path.replaceAll('\\', '/');
      const part = Object.keys(PARTS).find((name) => file.endsWith(`/node_modules/${name}`));
      return part && { contents: PARTS[part], resolveDir: dirname(path) };
    });
  },
};
