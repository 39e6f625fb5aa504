// Introspects a server with the query that graphql-js and its tools send, and builds the schema from the answer:
// node introspect.mjs URL, with the bearer token in CAIRN_TOKEN. Prints the number of types.
import { buildClientSchema, getIntrospectionQuery, validateSchema } from 'graphql';

const query = getIntrospectionQuery({
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  inputValueDeprecation: true,
  oneOf: true,
});
const answer = await fetch(process.argv[2], {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${process.env.CAIRN_TOKEN}` },
  body: JSON.stringify({ query }),
});
const { data, errors } = await answer.json();
if (errors) throw new Error(JSON.stringify(errors));
const schema = buildClientSchema(data);
const faults = validateSchema(schema);
if (faults.length > 0) throw new Error(faults.map((fault) => fault.message).join('\n'));
console.log(Object.keys(schema.getTypeMap()).length);
