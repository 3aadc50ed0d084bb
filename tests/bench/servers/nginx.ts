// The configuration of nginx: one worker, no access log, files by sendfile. Uploads are by its DAV module,
// which renames a finished file but does not sync it.

/**
 * The text of nginx.conf.
 *
 * @param port The port of 127.0.0.1.
 * @param directory The folder behind /files/.
 * @param prefix A folder for nginx's own files.
 * @param hasDav Whether it has the module that stores uploads.
 */
export function nginxConfig(
  port: number,
  directory: string,
  prefix: string,
  hasDav: boolean,
): string {
  return `user root;
daemon off;
worker_processes 1;
pid ${prefix}/nginx.pid;
error_log ${prefix}/error.log;
events { worker_connections 16384; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 120s;
  client_max_body_size 0;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = / { return 200; }
    location ~ ^/echo/(.*)$ {
      gzip on;
      gzip_types text/plain;
      gzip_min_length 0;
      default_type text/plain;
      return 200 $1;
    }
    location = /user-agent { default_type text/plain; return 200 $http_user_agent; }
    location /files/ { alias ${directory}/; ${hasDav ? "dav_methods PUT;" : ""} }
  }
}
`;
}
