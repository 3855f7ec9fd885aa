// Follows the edge's redirect with one of Node's clients: prints the edge's answer and the page at which it ends.
//   node follow.mjs http|http2|fetch URL USER_AGENT
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';

const [how, url, agent] = process.argv.slice(2);
const headers = { 'user-agent': agent };

async function read(stream) {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

function get(url) {
  const { get } = url.startsWith('https:') ? https : http;
  return new Promise((resolve, reject) => get(url, { headers, agent: false }, resolve).on('error', reject));
}

async function get2(url) {
  const { origin, pathname } = new URL(url);
  const session = http2.connect(origin);
  const stream = session.request({ ':path': pathname, ...headers });
  const answer = await new Promise((resolve, reject) => {
    session.on('error', reject);
    stream.on('response', resolve).on('error', reject);
  });
  await read(stream);
  session.close();
  return answer;
}

let location;
if (how === 'fetch') {
  const end = await fetch(url, { headers });
  console.log(end.redirected ? 'redirected to' : 'stayed at', end.url);
  console.log(await end.text());
} else {
  if (how === 'http2') {
    const answer = await get2(url);
    console.log('HTTP/2', answer[':status']);
    location = answer.location;
  } else {
    const answer = await get(url);
    console.log(`HTTP/${answer.httpVersion}`, answer.statusCode);
    location = answer.headers.location;
    await read(answer);
  }
  console.log(await read(await get(location)));
}
