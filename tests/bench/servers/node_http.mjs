// The same routes on node:http, as its users write them. Plain JavaScript, so that every Node.js
// runs it. Arguments: the port, the directory, and how files are read: "readable" or "whole".

import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";
import { gzip } from "node:zlib";

const [port, directory, reading] = process.argv.slice(2);

const server = createServer((request, response) => {
  const path = request.url ?? "";
  if (path === "/") return response.end();
  if (path.startsWith("/echo/")) return echo(request, response, decodeURIComponent(path.slice(6)));
  if (path === "/user-agent") return text(response, request.headers["user-agent"]);
  if (!path.startsWith("/files/")) return fail(response, 404);
  const answer = request.method === "GET" ? read : store;
  answer(request, response, `${directory}/${path.slice(7)}`).catch((error) => {
    if (response.headersSent) response.destroy();
    else fail(response, error.code === "ENOENT" ? 404 : 500);
  });
});

/** @type {(response: import("node:http").ServerResponse, status: number) => void} */
function fail(response, status) {
  response.writeHead(status, { "Content-Length": 0 }).end();
}

/** @type {(response: import("node:http").ServerResponse, content?: string) => void} */
function text(response, content) {
  if (content === undefined) return fail(response, 404);
  response.writeHead(200, {
    "Content-Type": "text/plain",
    "Content-Length": Buffer.byteLength(content),
  }).end(content);
}

/** @type {(request: any, response: import("node:http").ServerResponse, content: string) => void} */
function echo(request, response, content) {
  if (!request.headers["accept-encoding"]?.includes("gzip")) return text(response, content);
  gzip(content, (error, coded) => {
    if (error) return fail(response, 500);
    response.writeHead(200, {
      "Content-Type": "text/plain",
      "Content-Encoding": "gzip",
      "Vary": "Accept-Encoding",
      "Content-Length": coded.length,
    }).end(coded);
  });
}

/** @type {(request: any, response: any, path: string) => Promise<void>} */
async function read(_request, response, path) {
  const head = { "Content-Type": "application/octet-stream" };
  if (reading === "whole") {
    const content = await readFile(path);
    response.writeHead(200, { ...head, "Content-Length": content.length }).end(content);
    return;
  }
  const file = await open(path);
  const { size } = await file.stat();
  response.writeHead(200, { ...head, "Content-Length": size });
  await pipeline(file.createReadStream(), response);
}

// As durable as Wireserve's: content and name are on the disk before the response.
/** @type {(request: any, response: any, path: string) => Promise<void>} */
async function store(request, response, path) {
  const temporary = `${path}.${randomUUID()}`;
  await pipeline(request, createWriteStream(temporary, { flags: "wx" }));
  await sync(temporary, "r+");
  await rename(temporary, path);
  await sync(dirname(path), "r");
  response.writeHead(201, { "Content-Length": 0 }).end();
}

/** @type {(path: string, flags: string) => Promise<void>} */
async function sync(path, flags) {
  const file = await open(path, flags);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

// The defaults give up idle connections after 5 seconds: here they are to be counted.
server.keepAliveTimeout = 120_000;
server.listen(Number(port), "127.0.0.1");
