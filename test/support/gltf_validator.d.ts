declare module 'gltf-validator' {
  export interface Report {
    readonly issues: {
      readonly numErrors: number;
      readonly numWarnings: number;
      readonly numInfos: number;
      readonly messages: readonly { readonly code: string; readonly message: string }[];
    };
    readonly info: { readonly totalVertexCount: number; readonly totalTriangleCount: number };
  }
  export function validateBytes(data: Uint8Array): Promise<Report>;
}
