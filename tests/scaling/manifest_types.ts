// The types of manifests, generated from the description of the Kubernetes API.

// npm:kubernetes-types: declarations only, without dependencies.
import type { Deployment } from "npm:kubernetes-types@1.30.0/apps/v1.d.ts";
import type { PersistentVolumeClaim, Service } from "npm:kubernetes-types@1.30.0/core/v1.d.ts";
import type { NetworkPolicy } from "npm:kubernetes-types@1.30.0/networking/v1.d.ts";
import type { PodDisruptionBudget } from "npm:kubernetes-types@1.30.0/policy/v1.d.ts";

/** The manifests of docs/scaling/kubernetes.yaml by their kind. */
export interface Manifests {
  readonly PersistentVolumeClaim: PersistentVolumeClaim;
  readonly Deployment: Deployment;
  readonly PodDisruptionBudget: PodDisruptionBudget;
  readonly Service: Service;
  readonly NetworkPolicy: NetworkPolicy;
}
