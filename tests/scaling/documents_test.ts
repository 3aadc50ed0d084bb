// docs/scaling.md and docs/scaling/: the document shows the configuration that the tests run, and
// the manifests are valid for Kubernetes and consistent.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseAllDocuments } from "npm:yaml@2.9.1"; // YAML 1.2 whole, typed, no dependencies
import { parseOptions } from "../../lib/options/parse.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";
import type { Manifests } from "./manifest_types.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const TYPES = new URL("./manifest_types.ts", import.meta.url).href;

const KINDS = [
  "PersistentVolumeClaim",
  "Deployment",
  "PodDisruptionBudget",
  "Service",
  "NetworkPolicy",
];

function read(path: string): Promise<string> {
  return Deno.readTextFile(`${ROOT}docs/${path}`);
}

async function manifests(): Promise<Manifests> {
  const documents = parseAllDocuments(await read("scaling/kubernetes.yaml"));
  assert(Array.isArray(documents));
  const values = documents.map((document) => {
    assertEquals([...document.errors, ...document.warnings], []);
    return document.toJS();
  });
  assertEquals(values.map(({ kind }) => kind), KINDS);
  return Object.fromEntries(values.map((value) => [value.kind, value])) as unknown as Manifests;
}

testWith(["read"], "docs/scaling.md shows the configuration that the tests run", async () => {
  const [, shown] = /```haproxy\n([^]*?)```/.exec(await read("scaling.md"))!;
  assertEquals(shown, await read("scaling/haproxy.cfg"));
});

testWith([...FOR_PROGRAM, "haproxy"], "HAProxy accepts haproxy.cfg with its defaults", async () => {
  const { code, stderr } = await new Deno.Command("haproxy", {
    args: ["-c", "-q", "-f", `${ROOT}docs/scaling/haproxy.cfg`],
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
});

testWith(
  FOR_PROGRAM,
  "kubernetes.yaml has the fields that Kubernetes knows, and no other",
  () =>
    withDirectory(async (directory) => {
      const all = await manifests();
      const typed = (kind: string, value: unknown) =>
        `import type { Manifests } from "${TYPES}";\n` +
        `export const it: Manifests["${kind}"] = ${JSON.stringify(value)};\n`;
      for (const [kind, value] of Object.entries(all)) {
        await Deno.writeTextFile(`${directory}/${kind}.ts`, typed(kind, value));
      }
      const wrong = { ...all.Deployment, spec: { ...all.Deployment.spec, replicas: "3" } };
      await Deno.writeTextFile(`${directory}/Wrong.ts`, typed("Deployment", wrong));
      const { stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["check", ...[...KINDS, "Wrong"].map((kind) => `${directory}/${kind}.ts`)],
        cwd: ROOT,
        env: { NO_COLOR: "1" },
      }).output();
      const message = new TextDecoder().decode(stderr);
      const errors = [...message.matchAll(/at file:\/\/\S*\/(\w+)\.ts:/g)].map(([, name]) => name);
      assertEquals([...new Set(errors)], ["Wrong"], message);
    }),
);

testWith(
  ["read", "env"], // The parser of YAML reads the environment.
  "kubernetes.yaml is consistent in itself, with the program and with its image",
  async () => {
    const all = await manifests();
    const { template, selector, strategy, replicas } = all.Deployment.spec!;
    const { labels } = template.metadata!;
    const pod = template.spec!;
    const container = pod.containers[0]!;
    for (
      const labelled of [
        selector,
        all.PodDisruptionBudget.spec!.selector,
        all.NetworkPolicy.spec!.podSelector,
        pod.topologySpreadConstraints![0]!.labelSelector,
      ]
    ) assertEquals(labelled?.matchLabels, labels);
    assertEquals(all.Service.spec!.selector, labels);

    const options = parseOptions(container.args!);
    const { admin, grace, drainDelay, bind, port } = options;
    assertEquals(bind, "0.0.0.0");
    assert(pod.terminationGracePeriodSeconds! * 1000 > grace + drainDelay);
    assert(drainDelay > 1000 * container.readinessProbe!.periodSeconds!);
    assert(admin?.transport === "tcp" && admin.hostname === "0.0.0.0");
    assertEquals(
      container.ports!.map(({ name, containerPort }) => [name, containerPort]),
      [["http", port], ["admin", admin.port]],
    );
    assertEquals(all.Service.spec!.ports!.map(({ targetPort }) => targetPort), ["http"]);
    for (const name of ["startupProbe", "readinessProbe", "livenessProbe"] as const) {
      const { port, path } = container[name]!.httpGet!;
      assertEquals(port, "admin");
      assertEquals(path, name === "livenessProbe" ? "/healthz" : "/readyz");
    }
    const rules = all.NetworkPolicy.spec!.ingress!;
    assertEquals(rules.map(({ ports }) => ports![0]!.port), ["http", "admin"]);
    assert(rules[1]!.from!.length > 0);

    assertEquals(container.volumeMounts!.map(({ name }) => name), pod.volumes!.map((v) => v.name));
    assertEquals(container.volumeMounts![0]!.mountPath, options.directory);
    const { claimName } = pod.volumes![0]!.persistentVolumeClaim!;
    assertEquals(claimName, all.PersistentVolumeClaim.metadata!.name);
    assertEquals(all.PersistentVolumeClaim.spec!.accessModes, ["ReadWriteMany"]);

    assert(replicas! > 1 && strategy!.rollingUpdate!.maxUnavailable === 0);
    const user = /^USER ([0-9]+):/m.exec(await read("packaging/Dockerfile"))![1];
    assertEquals(String(pod.securityContext!.runAsUser), user);
    assert(container.securityContext!.readOnlyRootFilesystem);
    assertMatch(container.image!, /:[0-9.]+$/);
  },
);
