// The manual page, in mdoc(7): its options come from the table of flags, the rest is written here.
// Run by itself (`deno task manual`), it writes docs/wireserve.1.

import { ALL_FLAGS, defaultOf, type Flag, type Group, GROUPS } from "./flags.ts";
import { REMARKS } from "./help.ts";

const DATE = "November 20, 2026";

/** The page, as docs/wireserve.1 has it. */
export function manual(): string {
  return `.\\" Written by "deno task manual" from lib/options/: change it there.
.Dd ${DATE}
.Dt WIRESERVE 1
.Os
.Sh NAME
.Nm wireserve
.Nd HTTP/1.1 file server
.Sh SYNOPSIS
.Nm
.Op Ar option ...
.Ar PATH
.Nm
.Op Ar option ...
.Op Fl -directory Ar DIR
${DESCRIPTION}
.Sh OPTIONS
A value follows its flag as an argument of its own, or after an equals sign.
If a flag is given twice, the last value counts.
${MISREAD}
An error in the command line is reported in one line on standard error.
${GROUPS.map(group).join("\n")}
${REST.replaceAll(/^\.Dl .*$/gm, example)}`;
}

function group(group: Group): string {
  const flags = ALL_FLAGS.filter(([, flag]) => flag.group === group);
  const remark = REMARKS[group];
  return [
    `.Ss ${group}`,
    ...(remark === undefined ? [] : [sentence(remark)]),
    ".Bl -tag -width Ds",
    ...flags.flatMap(([name, flag]) => item(name, flag)),
    ".El",
  ].join("\n");
}

/** A flag: its forms, and what it does, each sentence on a line of its own. */
function item(name: string, flag: Flag): string[] {
  const { short, value, help, more = "", needs = [], excludes = [] } = flag;
  const forms = [...(short === undefined ? [] : [`Fl ${short} ,`]), `Fl -${name}`];
  const standard = defaultOf(flag);
  return [
    `.It ${forms.join(" ")}${value === undefined ? "" : ` Ar ${value.name}`}`,
    sentence(help),
    ...more.split(/(?<=\.) (?=[A-Z])/).filter((each) => each !== "").map(text),
    ...(needs.length === 0 ? [] : [text(`Needs ${list(needs)}.`)]),
    ...(excludes.length === 0 ? [] : [text(`Cannot go with ${list(excludes)}.`)]),
    ...(standard === null ? [] : [text(`Default: ${standard}.`)]),
  ];
}

function list(names: readonly string[]): string {
  return names.map((name) => `--${name}`).join(", ");
}

/** A line of help as a sentence. A value at its beginning stays in lower case. */
function sentence(help: string): string {
  const first = /^[a-z]+:/.test(help) ? help.charAt(0) : help.charAt(0).toUpperCase();
  return text(`${first}${help.slice(1)}.`);
}

/** The longest line for the lint of mandoc. */
const WIDTH = 80;

/** A sentence in mdoc: escapes and control lines are quoted, and dashes are minus signs. */
function text(sentence: string): string {
  const words = sentence.replaceAll("\\", "\\e").replaceAll("--", "\\-\\-").split(" ");
  const lines: string[] = [];
  for (const word of words) {
    const longer = `${lines.at(-1) ?? ""} ${word}`;
    if (lines.length > 0 && longer.length <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => line.replace(/^(?=[.'])/, "\\&")).join("\n");
}

/** A command to be copied: its dashes are minus signs, and its full stops end no sentence. */
function example(line: string): string {
  return line.replaceAll("-", "\\-").replaceAll(/ \.(?= |$)/g, " \\&.");
}

const MISREAD = String
  .raw`An equals sign in the value of a short flag calls for an argument of its own:
.Fl d Ar /srv/a=b .`;

const DESCRIPTION = String.raw`.Sh DESCRIPTION
.Nm
serves the files of the folder
.Ar PATH
over HTTP/1.1, or the file
.Ar PATH
alone.
It is read-only, unless
.Fl -writable
allows uploads.
With
.Fl -directory
instead, it serves the files of
.Ar DIR
at /files, and stores uploads there.
It is as strict as RFC 9110 and RFC 9112 ask.
An upload appears whole or not at all, and once it is answered with 201 or 204,
it is on the disk.
A name never leads out of the directory, neither by
.Pa ..
nor by a symbolic link.`;

const REST = String.raw`.Sh ROUTES
Of a
.Ar PATH ,
its files are at /, or at the path of
.Fl -base-path .
Without one, these are the routes:
.Bl -tag -width Ds
.It Li GET /
200, with an empty body.
.It Li GET /echo/{str...}
200, with the rest of the path.
.It Li GET /user-agent
200, with the value of the User-Agent header.
.It Li GET /files/{name...}
200, with the file; 206 for a range of it; 304 if the client has it already.
A directory, with a slash at the end of its name, is listed as a page or as
JSON.
.It Li PUT /files/{name...}
201: the request body is stored as the file; 204 if it has replaced one.
.It Li POST /files/{name...}
201: the same, even if it has replaced a file.
.It Li DELETE /files/{name...}
204: the file is deleted; only with
.Fl -allow-delete .
.El
.Pp
HEAD and OPTIONS work on all of them.
Any other path is answered with 404, any other method with 405, and an unknown
method with 501.
.Sh SIGNALS
.Bl -tag -width Ds
.It Dv SIGTERM , SIGINT
Stop gracefully: no further connections are accepted, open requests have the
time of
.Fl -grace
to complete, and the exit status is 0.
A second signal stops the program at once.
.It Dv SIGHUP
Read the certificate and its key again, and reopen the log file.
.El
.Sh ENVIRONMENT
.Bl -tag -width Ds
.It Ev WIRESERVE_PATH , WIRESERVE_PORT , ...
The same as
.Ar PATH
and the flags, where the command line does not have them.
They are read only with the permission
.Fl -allow-env
of Deno.
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa .wireserve-UUID.part
An unfinished upload, in the directory of the file that it will become.
It is never served or listed.
After a crash, the next start removes it.
.El
.Pp
The user that
.Nm
runs as must be able to read the directory, the certificate and its key, and,
unless
.Fl -read-only
is given, to write to the directory.
The umask determines the permissions of new files.
The program itself may use the network, read and write files, and ask for free
space and for the names and addresses of the machine: it runs no other programs.
.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
The program was stopped by a signal, or has printed what was asked for.
.It 1
It could not start: the port is in use, for example.
.It 2
The command line is wrong.
.El
.Sh EXAMPLES
Serve the current directory at http://localhost:4221/, for reading only:
.Pp
.Dl $ wireserve .
.Pp
Accept uploads of up to 5 GiB from the whole network:
.Pp
.Dl $ wireserve -w /srv/files -b 0.0.0.0 --max-body-size 5G
.Pp
Run behind a proxy on the same machine, on a Unix socket, and trust its headers:
.Pp
.Dl $ wireserve /srv/files --unix /run/wireserve/http --trust-proxy unix
.Pp
Serve over TLS, on every core:
.Pp
.Dl $ wireserve . --workers auto --tls-cert chain.pem --tls-key key.pem
.Pp
Load the completions in bash:
.Pp
.Dl $ source <(wireserve --completions bash)
.Sh SEE ALSO
.Xr curl 1 ,
.Xr systemd.service 5
.Sh STANDARDS
.Rs
.%T HTTP Semantics
.%R RFC 9110
.Re
.Pp
.Rs
.%T HTTP/1.1
.%R RFC 9112
.Re
`;

if (import.meta.main) {
  await Deno.writeTextFile(new URL("../../docs/wireserve.1", import.meta.url), manual());
}
