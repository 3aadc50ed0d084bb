// The configuration of nginx: one worker, no access log, files by sendfile, compression, listings,
// and a cache of open files with the figures of its documentation.

import type { Place, Tls } from "../recipes.ts";

/** The text of nginx.conf. */
export function nginxConfig({ port, directory, own }: Place, tls: Tls | null): string {
  const secured = tls === null ? "" : `ssl_certificate ${tls.cert};
    ssl_certificate_key ${tls.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    `;
  return `user root;
daemon off;
worker_processes 1;
pid ${own}/nginx.pid;
error_log ${own}/error.log;
events { worker_connections 16384; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 120s;
  client_body_temp_path ${own}/body;
  proxy_temp_path ${own}/proxy;
  fastcgi_temp_path ${own}/fastcgi;
  uwsgi_temp_path ${own}/uwsgi;
  scgi_temp_path ${own}/scgi;
  open_file_cache max=1000 inactive=20s;
  gzip on;
  gzip_min_length 0;
  gzip_types text/plain text/css text/javascript;
  types { text/html html; text/css css; text/javascript js; image/png png; text/plain txt; }
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${port} backlog=4096${tls === null ? "" : " ssl"};
    ${secured}location = / { return 200; }
    location ~ ^/echo/(.*)$ { default_type text/plain; return 200 $1; }
    location = /user-agent { default_type text/plain; return 200 $http_user_agent; }
    location /files/ { alias ${directory}/; autoindex on; }
  }
}
`;
}
