// SPDX-License-Identifier: MIT
//
// minify.mjs - how terser is told to make our code small.

/** New ones for each use, since terser writes into them. Our own code keeps to what these assume: no property has effects, no function is asked for its
 * text or made with `new` unless it is a class. */
export const minifyOptions = () => ({
  module: true,
  ecma: 2020,
  compress: {
    passes: 4,
    unsafe: true,
    unsafe_arrows: true,
    unsafe_methods: true,
    pure_getters: true,
    hoist_props: true,
    directives: false,
  },
  mangle: true,
  format: { comments: false },
});
