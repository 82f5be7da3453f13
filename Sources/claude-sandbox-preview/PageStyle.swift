extension Page {
  /// Keeps the focus where it was: the list is replaced.
  static let script = """
    const list = document.getElementById("jails"), state = document.getElementById("state");
    const events = new EventSource("/events");
    events.onmessage = (event) => {
      const focused = document.activeElement?.getAttribute("href");
      list.innerHTML = event.data;
      if (focused) for (const link of list.querySelectorAll("a")) if (link.getAttribute("href") === focused) link.focus();
      state.textContent = "live";
      state.className = "live";
    };
    events.onerror = () => { state.textContent = "not connected"; state.className = "lost"; };
    """

  static let style = """
    :root { color-scheme: light dark; --back: #f6f4ef; --card: #fff; --text: #23211d; --soft: #6f6a60; --line: #e3ded3;
      --accent: #b4532f; --wash: #f9ece5; --live: #2f8a4c; }
    @media (prefers-color-scheme: dark) { :root { --back: #191815; --card: #23221e; --text: #ece8df; --soft: #a09a8d;
      --line: #37352f; --accent: #e58a65; --wash: #35261f; --live: #6cc58a; } }
    * { box-sizing: border-box; margin: 0; }
    body { max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.25rem; background: var(--back); color: var(--text);
      font: 16px/1.5 system-ui, sans-serif; }
    header { display: flex; align-items: baseline; gap: 1rem; margin-bottom: 1.5rem; }
    h1 { font-size: 1.7rem; letter-spacing: -.02em; }
    #state { color: var(--soft); font-size: .85rem; }
    #state::before { content: ""; display: inline-block; width: .55em; height: .55em; margin-right: .45em; border-radius: 50%;
      background: currentColor; }
    #state.live { color: var(--live); }
    #state.lost { color: var(--accent); }
    .notice { margin-bottom: 1.5rem; padding: .8rem 1rem; border-left: 4px solid var(--accent); border-radius: .4rem;
      background: var(--wash); overflow-wrap: anywhere; }
    main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); align-items: start; }
    article, .empty { padding: 1.25rem; border: 1px solid var(--line); border-radius: .8rem; background: var(--card);
      overflow-wrap: anywhere; }
    .empty { grid-column: 1 / -1; padding: 3rem 1.25rem; text-align: center; color: var(--soft); }
    h2 { font-size: 1.15rem; }
    .facts { display: flex; flex-wrap: wrap; gap: .3rem .9rem; color: var(--soft); font-size: .82rem; }
    .directory { margin-top: .6rem; font-size: .9rem; }
    .command { color: var(--soft); font-size: .85rem; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical;
      overflow: hidden; }
    code { font-family: ui-monospace, monospace; }
    ul { margin-top: .9rem; padding: 0; list-style: none; display: grid; gap: .5rem; }
    a { display: flex; align-items: baseline; gap: .75rem; padding: .55rem .8rem; border-radius: .5rem; background: var(--wash);
      color: var(--accent); text-decoration: none; }
    a b { font-size: 1.05rem; font-variant-numeric: tabular-nums; }
    a span { color: var(--soft); font-size: .82rem; }
    a:hover, a:focus-visible { outline: 2px solid var(--accent); }
    .none { margin-top: .9rem; color: var(--soft); font-size: .9rem; font-style: italic; }
    footer { margin-top: 2rem; color: var(--soft); font-size: .82rem; }
    """
}
