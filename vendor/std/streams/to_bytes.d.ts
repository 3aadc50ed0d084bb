// The signature of jsr:@std/streams's toBytes, as the official one is.
export declare function toBytes(
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array>;
