// The types of manifests, generated from the description of the Kubernetes API.

// npm:kubernetes-types: declarations only, without dependencies.
import type { Deployment } from "kubernetes-types/apps/v1.d.ts";
import type { PersistentVolumeClaim, Service } from "kubernetes-types/core/v1.d.ts";
import type { NetworkPolicy } from "kubernetes-types/networking/v1.d.ts";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.d.ts";

/** The manifests of docs/scaling/kubernetes.yaml by their kind. */
export interface Manifests {
  readonly PersistentVolumeClaim: PersistentVolumeClaim;
  readonly Deployment: Deployment;
  readonly PodDisruptionBudget: PodDisruptionBudget;
  readonly Service: Service;
  readonly NetworkPolicy: NetworkPolicy;
}
