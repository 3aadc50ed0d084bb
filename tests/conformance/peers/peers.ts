// The servers beside Wireserve, with the configuration of a plain installation: nothing is made
// stricter or more lenient than its defaults. GET / is answered by the server itself. What none of
// the four file servers does is to read a POST: they pass it to the origin.

import type { Place, Recipe } from "../servers.ts";

const HERE = new URL("./", import.meta.url).pathname;

/** A lenient origin behind proxies. Argument: the port. */
export const ORIGIN = `${HERE}origin.ts`;

/** The servers that may be installed. */
export const peers: readonly Recipe[] = [
  {
    name: "Deno.serve",
    package: null,
    program: Deno.execPath(),
    versionArgs: ["--version"],
    args: ({ port }) => ["run", "--no-config", "--allow-net", `${HERE}deno_serve.ts`, `${port}`],
    get: "/",
    post: "/p",
  },
  {
    name: "node:http",
    package: "nodejs",
    program: "node",
    versionArgs: ["--version"],
    args: ({ port }) => [`${HERE}node_http.mjs`, `${port}`],
    get: "/",
    post: "/p",
  },
  {
    name: "nginx",
    package: "nginx",
    program: "nginx",
    versionArgs: ["-v"],
    args: async ({ port, originPort, directory }) => {
      const path = await write(directory, "nginx.conf", nginxConfig(port, originPort, directory));
      return ["-p", directory, "-c", path, "-e", `${directory}/error.log`];
    },
    get: "/",
    post: "/p",
  },
  {
    name: "Apache",
    package: "apache2",
    program: "apache2",
    versionArgs: ["-v"],
    args: async (place) => {
      const path = await write(place.directory, "apache.conf", apacheConfig(place));
      return ["-d", place.directory, "-f", path, "-D", "FOREGROUND"];
    },
    get: "/",
    post: "/p",
  },
  {
    name: "lighttpd",
    package: "lighttpd",
    program: "lighttpd",
    versionArgs: ["-v"],
    args: async (place) => {
      const path = await write(place.directory, "lighttpd.conf", lighttpdConfig(place));
      return ["-D", "-f", path];
    },
    get: "/",
    post: "/p",
  },
  {
    name: "Caddy",
    package: "caddy",
    program: "caddy",
    versionArgs: ["version"],
    args: async (place) => {
      const path = await write(place.directory, "Caddyfile", caddyConfig(place));
      return ["run", "--adapter", "caddyfile", "--config", path];
    },
    env: { XDG_CONFIG_HOME: "/nonexistent", XDG_DATA_HOME: "/nonexistent" },
    get: "/",
    post: "/p",
  },
  {
    name: "HAProxy",
    package: "haproxy",
    program: "haproxy",
    versionArgs: ["-v"],
    args: async (place) => {
      const path = await write(place.directory, "haproxy.cfg", haproxyConfig(place));
      return ["-db", "-f", path];
    },
    get: "/",
    post: "/p",
  },
];

/** Writes a configuration, and the page of GET /. */
async function write(directory: string, name: string, text: string): Promise<string> {
  await Deno.mkdir(`${directory}/www`);
  await Deno.writeTextFile(`${directory}/www/index.html`, "hello\n");
  await Deno.writeTextFile(`${directory}/${name}`, text);
  return `${directory}/${name}`;
}

function nginxConfig(port: number, originPort: number, directory: string): string {
  return `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log ${directory}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen 127.0.0.1:${port};
    root ${directory}/www;
    location = /p { proxy_pass http://127.0.0.1:${originPort}; }
  }
}
`;
}

function apacheConfig({ port, originPort, directory }: Place): string {
  const modules = ["mpm_event", "authz_core", "dir", "proxy", "proxy_http"];
  return `${
    modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
      .join("\n")
  }
User nobody
ServerName h
Listen 127.0.0.1:${port}
PidFile ${directory}/apache.pid
ErrorLog ${directory}/error.log
DefaultRuntimeDir ${directory}
DocumentRoot ${directory}/www
DirectoryIndex index.html
ProxyPass /p http://127.0.0.1:${originPort}/p
`;
}

function lighttpdConfig({ port, originPort, directory }: Place): string {
  return `server.modules = ( "mod_proxy" )
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${directory}/www"
server.errorlog = "${directory}/error.log"
index-file.names = ( "index.html" )
$HTTP["url"] == "/p" {
  proxy.server = ( "" => ( ( "host" => "127.0.0.1", "port" => ${originPort} ) ) )
}
`;
}

function caddyConfig({ port, originPort, directory }: Place): string {
  return `{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  root * ${directory}/www
  reverse_proxy /p 127.0.0.1:${originPort}
  file_server
}
`;
}

function haproxyConfig({ port, originPort }: Place): string {
  return `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  server s 127.0.0.1:${originPort}
`;
}
