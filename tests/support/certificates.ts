// Certificates for `localhost`, made by openssl: two of one authority.

import { assert } from "@std/assert";
import type { Certificate } from "../../lib/server/listener.ts";

export interface Certificates {
  /** The certificate of the authority in PEM, and its path. */
  readonly authority: string;
  readonly authorityPath: string;
  /** Two certificates for the same names; their subjects are `one` and `two`. */
  readonly one: Certificate;
  readonly two: Certificate;
}

const EXTENSIONS = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n" +
  "basicConstraints=critical,CA:FALSE\n";
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export async function makeCertificates(directory: string): Promise<Certificates> {
  const openssl = async (command: string, ...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", {
      args: [command, ...args],
      cwd: directory,
      stdin: "null",
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  await Deno.writeTextFile(`${directory}/extensions`, EXTENSIONS);
  const authority = ["-x509", "-days", "30", "-subj", "/CN=authority", "-out", "authority.pem"];
  await openssl("req", ...NEW_KEY, ...authority, "-keyout", "authority.key");
  const sign = async (name: string): Promise<Certificate> => {
    const request = ["-subj", `/CN=${name}`, "-out", `${name}.csr`, "-keyout", `${name}.key`];
    await openssl("req", ...NEW_KEY, ...request);
    const by = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"];
    const out = ["-days", "30", "-extfile", "extensions", "-out", `${name}.pem`];
    await openssl("x509", "-req", "-in", `${name}.csr`, ...by, ...out);
    const read = (ending: string) => Deno.readTextFile(`${directory}/${name}.${ending}`);
    return { cert: await read("pem"), key: await read("key") };
  };
  const authorityPath = `${directory}/authority.pem`;
  return {
    authority: await Deno.readTextFile(authorityPath),
    authorityPath,
    one: await sign("one"),
    two: await sign("two"),
  };
}

/** The subject of the certificate that a server on this machine sends to a new connection. */
export async function subjectAt(port: number): Promise<string> {
  const { stdout } = await new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`],
    stdin: "null",
    stderr: "null",
  }).output();
  return /^subject=CN ?= ?(.*)$/m.exec(new TextDecoder().decode(stdout))?.[1] ?? "none";
}
