/**
 * Tests of kernels for GPUs, which SwiftShader compiles for many seconds each. Their shaders reach the same compiler in Node,
 * where these tests run.
 */
export const notInBrowsers = /with the kernels of a GPU|_tiled|_shuffle|software false/;
