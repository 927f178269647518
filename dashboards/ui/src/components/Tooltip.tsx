import { useEffect, useRef } from 'preact/hooks';

/** Pixels between the tooltip and what it explains, and the window's edge. */
const GAP = 8;

/** Shows the `data-tip` of whatever is under the pointer or has the focus. One for the page; tables would clip their own. */
export function Tooltip() {
  const tip = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = tip.current;
    if (!element) return;
    let owner: HTMLElement | null = null;

    function hide() {
      owner?.removeAttribute('aria-describedby');
      owner = null;
      element!.hidden = true;
    }
    function show(event: Event) {
      const target = (event.target as Element).closest<HTMLElement>('[data-tip]');
      if (target === owner) return;
      hide();
      if (!target) return;
      owner = target;
      owner.setAttribute('aria-describedby', 'tooltip');
      element!.textContent = target.dataset.tip ?? '';
      element!.hidden = false;
      place(element!, target.getBoundingClientRect());
    }
    function leave(event: KeyboardEvent) {
      if (event.key === 'Escape') hide();
    }
    document.addEventListener('pointerover', show);
    document.addEventListener('focusin', show);
    document.addEventListener('focusout', hide);
    document.addEventListener('keydown', leave);
    addEventListener('scroll', hide, true);
    return () => {
      document.removeEventListener('pointerover', show);
      document.removeEventListener('focusin', show);
      document.removeEventListener('focusout', hide);
      document.removeEventListener('keydown', leave);
      removeEventListener('scroll', hide, true);
    };
  }, []);

  return <div ref={tip} id="tooltip" role="tooltip" class="tooltip" hidden />;
}

function place(tip: HTMLElement, target: DOMRect): void {
  const { width, height } = tip.getBoundingClientRect();
  const below = target.bottom + GAP;
  const top = below + height > innerHeight ? target.top - GAP - height : below;
  const left = Math.min(Math.max(GAP, target.left), innerWidth - width - GAP);
  tip.style.top = `${Math.max(GAP, top)}px`;
  tip.style.left = `${left}px`;
}
