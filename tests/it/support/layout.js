// Overflowing elements, and controls that are covered or overlap, as sentences. Runs in a browser.
const odd = [];
const wide = innerWidth;
const scroller = document.scrollingElement;
if (scroller.scrollWidth > wide) odd.push(`the page is ${scroller.scrollWidth} wide of ${wide}`);
// What is read out and not seen, and what is drawn in its own units.
const unseen = ".hidden-heading, .skip, svg, template, option";
const name = (n) => {
  const classes = n.className && typeof n.className === 'string' ? `.${n.className.split(' ').join('.')}` : '';
  const cell = n.closest('[data-path],[data-label],section');
  const place = cell && cell !== n ? ` in ${cell.dataset.path ?? cell.dataset.label ?? cell.className}` : '';
  const text = (n.textContent ?? '').trim().slice(0, 20);
  return `${n.tagName.toLowerCase()}${n.id ? `#${n.id}` : classes}${place} "${text}"`;
};
const isSeen = (n) => n.checkVisibility({ visibilityProperty: true, opacityProperty: true,
  contentVisibilityAuto: true }) && !n.closest(unseen);
const board = document.querySelector('.board');
const out = (r) => r.width > 0 && r.height > 0
  && (r.left < -1 || r.right > wide + 1 || (board && (r.top < -1 || r.bottom > innerHeight + 1)));
const known = new Map([[document.body, false]]);
const isClipped = (element) => {
  if (!element) return false;
  if (!known.has(element)) known.set(element,
    getComputedStyle(element).overflow !== "visible" || isClipped(element.parentElement));
  return known.get(element);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
const range = document.createRange();
for (let n = walker.currentNode; n; n = walker.nextNode()) {
  const element = n.nodeType === 3 ? n.parentElement : n;
  if (!isSeen(element)) continue;
  if (n.nodeType === 3) {
    if (!n.data.trim() || ['SCRIPT','STYLE','TEXTAREA'].includes(element.tagName)) continue;
    range.selectNodeContents(n);
    const clipped = isClipped(element);
    if (!clipped && [...range.getClientRects()].some(out)) odd.push(`text out: ${name(element)}`);
  } else if (out(n.getBoundingClientRect())) {
    const r = n.getBoundingClientRect();
    const [left, right, top, bottom] = [r.left, r.right, r.top, r.bottom].map(Math.round);
    odd.push(`out: ${name(n)} ${left}..${right} y ${top}..${bottom}`);
  }
}
const selector = 'a[href], button, input:not([type=hidden]), select, textarea, summary';
const controls = [...document.querySelectorAll(selector)].filter(isSeen);
const boxes = controls.map((n) => [...n.getClientRects()].filter((r) => r.width > 0 && r.height > 0));
for (let i = 0; i < controls.length; i++) for (let j = i + 1; j < controls.length; j++) {
  if (controls[i].contains(controls[j]) || controls[j].contains(controls[i])) continue;
  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  if (boxes[i].some((a) => boxes[j].some((b) => overlap(a, b))))
    odd.push(`overlap: ${name(controls[i])} and ${name(controls[j])}`);
}
for (const control of controls) {
  if (control.disabled) continue;
  control.scrollIntoView({ block: 'center', behavior: 'instant' });
  const r = [...control.getClientRects()].find((r) => r.width > 0 && r.height > 0);
  if (!r) continue;
  const hit = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
  if (hit !== control && !control.contains(hit) && !(hit && hit.contains(control) && hit.closest('label, a')))
    odd.push(`covered: ${name(control)} by ${hit ? name(hit) : 'nothing'}`);
}
scroller.scrollTop = 0;
return [...new Set(odd)];
