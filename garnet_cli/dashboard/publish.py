"""Put the page and its data into the store as static files."""

from __future__ import annotations

from garnet_cli.dashboard.page import data_json, page_html
from garnet_cli.dashboard.page_data import PageData
from garnet_cli.store.connect import store_errors
from node_scripts.store.layout import dashboard_prefix
from node_scripts.store.objects import ObjectStore


def publish(store: ObjectStore, data: PageData) -> list[str]:
    """Write `index.html` and `data.json` under the fleet's prefix; return their keys.

    The data come first: a page that is open asks for them only. Raises GarnetError as the store does.
    """
    prefix = dashboard_prefix(data.fleet)
    files = {f"{prefix}data.json": data_json(data), f"{prefix}index.html": page_html(data).encode()}
    with store_errors():
        for key, content in files.items():
            store.put(key, content, only_new=False)
    return list(files)
