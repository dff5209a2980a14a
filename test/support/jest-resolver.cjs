// Our own imports name the `.js` that the build makes; the tests run the `.ts` itself. Packages are left alone.
const path = require('node:path');

const root = path.join(__dirname, '../..');

module.exports = (request, options) => {
  const own = !options.basedir.includes(`${path.sep}node_modules`);
  if (own && request.endsWith('.js')) {
    const source = request.replace(/\.js$/, '.ts');
    if (request.startsWith('@hub/')) return path.join(root, 'libs', source.slice('@hub/'.length));
    if (request.startsWith('.')) return options.defaultResolver(source, options);
  }
  return options.defaultResolver(request, options);
};
