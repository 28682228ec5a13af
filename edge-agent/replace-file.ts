/** How a configuration is put on disk in one step. */
export { replaceFile } from '@forewarn/runtime/kept-file'
