#!/usr/bin/env node
import { openScripts } from './scripts.ts';

const scripts = openScripts(import.meta.url);
const { runProgram } = scripts
  ? (scripts.load('program.js') as typeof import('./program.ts'))
  : await import('./program.ts');
await runProgram(import.meta.url);
