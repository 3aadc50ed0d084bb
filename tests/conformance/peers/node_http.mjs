// A server on node:http that reads all content. Argument: the port.

import { createServer } from "node:http";
import process from "node:process";

createServer(async (request, response) => {
  let length = 0;
  try {
    for await (const piece of request) length += piece.length;
  } catch {
    return response.destroy(); // The content was cut, or malformed.
  }
  if (!["GET", "HEAD", "POST", "OPTIONS"].includes(request.method ?? "")) response.statusCode = 501;
  response.end(`${request.method} ${length}\n`);
}).listen(Number(process.argv[2]), "127.0.0.1");
