// The package's main file is CommonJS in a package of ES modules, which Node refuses; its ES module has no types.
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export { type VariableInfo, WgslReflect } from 'wgsl_reflect';
}
