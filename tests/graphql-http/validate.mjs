// Says what graphql-js thinks of documents: reads { sdl, documents: [...] } from standard input, prints a JSON list of
// error messages, one list a document; an empty list is a valid document.
import { buildSchema, parse, specifiedRules, validate } from 'graphql';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { sdl, documents } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
const schema = buildSchema(sdl);
const judge = (source) => {
  try {
    return validate(schema, parse(source), specifiedRules).map((error) => error.message);
  } catch (error) {
    return [error.message];
  }
};
console.log(JSON.stringify(documents.map(judge)));
