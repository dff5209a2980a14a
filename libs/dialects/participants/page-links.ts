/** The `Link` header of a page of a list: the first, previous, next and last ones, as far as there are any. */
export function pageLinks(url: string, { page, limit, total }: { page: number; limit: number; total: number }): string {
  const last = Math.max(1, Math.ceil(total / limit));
  const links = [
    link(url, { page: 1, limit }, 'first'),
    ...(page > 1 ? [link(url, { page: Math.min(page - 1, last), limit }, 'prev')] : []),
    ...(page < last ? [link(url, { page: page + 1, limit }, 'next')] : []),
    link(url, { page: last, limit }, 'last'),
  ];
  return links.join(', ');
}

/** One link to the same list with other parameters, relative to the server: whatever stands in front of it, it holds. */
export function link(url: string, parameters: Readonly<Record<string, string | number>>, rel: string): string {
  const [path = '', query = ''] = url.split('?', 2);
  const search = new URLSearchParams(query);
  for (const [name, value] of Object.entries(parameters)) search.set(name, String(value));
  return `<${path}?${search.toString()}>; rel="${rel}"`;
}
