"""The app: `streamlit run app.py`."""

from pathlib import Path

import streamlit as st

PAGES = Path(__file__).resolve().parent / "molsearch" / "pages"

st.set_page_config(page_title="molsearch", page_icon=str(PAGES / "static" / "icon.svg"), layout="wide")
st.html(PAGES / "static" / "app.css")
st.navigation(
    [
        st.Page(PAGES / "search.py", title="Search", icon=":material/search:", default=True),
        st.Page(PAGES / "basket.py", title="Basket", icon=":material/shopping_basket:"),
        st.Page(PAGES / "library.py", title="Library", icon=":material/science:"),
        st.Page(PAGES / "concepts.py", title="Concepts", icon=":material/sell:"),
        st.Page(PAGES / "alignment.py", title="Alignment", icon=":material/compare_arrows:"),
        st.Page(PAGES / "model.py", title="Model", icon=":material/network_node:"),
    ],
    position="top",
).run()
