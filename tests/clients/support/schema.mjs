// The official client as a judge of request bodies: its own schema objects, and the enums of its type declarations, read at run time.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const client = require('@aws/codewhisperer-streaming-client');
const folder = dirname(dirname(require.resolve('@aws/codewhisperer-streaming-client')));

/** What is wrong with the body of a generateAssistantResponse, as `path: what` sentences; empty when nothing is. */
export function faults(body) {
  const found = [];
  check(client.GenerateAssistantResponseRequest$, body, '$', found);
  return found;
}

// The kinds of the client's schema arrays: [kind, namespace, name, traits, …].
const [SIMPLE, LIST, MAP, STRUCTURE, UNION] = [0, 1, 2, 3, 4];
// Simple types by number; 64 and 128 are lists and maps of one.
const SIMPLES = {
  0: (value) => typeof value === 'string',
  1: (value) => typeof value === 'number' && Number.isFinite(value),
  2: (value) => typeof value === 'boolean',
  15: (value) => value !== null && value !== undefined,
  21: (value) => typeof value === 'string' && isBase64(value),
};
const NAMES = { 0: 'a string', 1: 'a number', 2: 'a boolean', 15: 'a document', 21: 'base64' };

function check(schema, value, path, found) {
  const wrong = (what) => found.push(`${path}: ${what}`);
  if (typeof schema === 'function') return check(schema(), value, path, found);
  if (typeof schema === 'number') return simple(schema, value, path, found);
  if (!Array.isArray(schema)) throw new TypeError(`a schema of an unknown form at ${path}`);
  if (Array.isArray(schema[0]) || typeof schema[0] === 'function' || schema.length === 2) {
    return check(schema[0], value, path, found);
  }
  const [kind, , name, , members, types, required = 0] = schema;
  if (kind === SIMPLE) return check(members, value, path, found);
  if (kind === LIST) {
    if (!Array.isArray(value)) return wrong('not a list');
    return value.forEach((item, at) => check(members, item, `${path}[${at}]`, found));
  }
  if (kind !== STRUCTURE && kind !== UNION) throw new TypeError(`a schema of kind ${kind} (${kind === MAP ? 'map' : name}) at ${path}`);
  if (!value || typeof value !== 'object' || Array.isArray(value)) return wrong(`not an object (${name})`);
  const given = Object.keys(value);
  if (kind === UNION && given.length !== 1) wrong(`a union (${name}) with ${given.length} members`);
  if (kind === STRUCTURE) {
    for (const member of members.slice(0, required)) if (!given.includes(member)) wrong(`${member} is missing`);
  }
  for (const member of given) {
    const at = members.indexOf(member);
    if (at < 0) wrong(`${member} is no member of ${name}`);
    else if (isHeader(types[at])) wrong(`${member} belongs into a header`);
    else if (!inEnum(name, member, value[member])) wrong(`${member}: ${JSON.stringify(value[member])} is not in its enum`);
    else check(types[at], value[member], `${path}.${member}`, found);
  }
}

function simple(number, value, path, found) {
  const matches = SIMPLES[number];
  if (!matches) throw new TypeError(`a simple type ${number} at ${path}`);
  if (!matches(value)) found.push(`${path}: not ${NAMES[number]}`);
}

const isHeader = (type) => Array.isArray(type) && type.length === 2 && Boolean(type[1]?.httpHeader);

function isBase64(text) {
  return text.length > 0 && text.length % 4 === 0 && Buffer.from(text, 'base64').toString('base64') === text;
}

/** `Structure.member` to the values its type declaration allows. */
const ENUMS = declaredEnums(readFileSync(join(folder, 'dist-types/models/models_0.d.ts'), 'utf8'));

function declaredEnums(declarations) {
  const enums = new Map();
  for (const [, name, members] of declarations.matchAll(/^export interface (\w+) \{\n(.*?)^\}/gms)) {
    for (const [, member, type] of members.matchAll(/^ {4}(\w+)\??: (\w+) \| undefined;/gm)) {
      const values = client[type];
      if (values && typeof values === 'object' && !Array.isArray(values)) enums.set(`${name}.${member}`, Object.values(values));
    }
  }
  return enums;
}

const inEnum = (name, member, value) => ENUMS.get(`${name}.${member}`)?.includes(value) ?? true;

/** How many enums were found: a change of the declarations' layout must not pass for an empty list. */
export const enums = ENUMS;
