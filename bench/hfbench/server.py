"""The nginx configuration that makes the scratch Hub's files answer like a Hub.

Port 8000 is the Hub: model info, tree, and `resolve` with X-Repo-Commit and ETag, where a large file
is a 302 with X-Linked-* to a "signed" address. Port 8001 is the storage behind it, which serves
ranges. Not for making the files: that is hub.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .hub import OWNER, Repo

HUB_PORT = 8000
STORAGE_PORT = 8001
ERROR_LOG = "error.log"

HEAD = """\
user root;
worker_processes 2;
pid {run}/nginx.pid;
error_log {run}/{error_log} crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; etag off;
  keepalive_requests 100000; keepalive_timeout 60; send_timeout 60;
  map_hash_bucket_size 256; map_hash_max_size 32768;
  client_body_temp_path {run}/body; proxy_temp_path {run}/proxy; fastcgi_temp_path {run}/fastcgi;
  uwsgi_temp_path {run}/uwsgi; scgi_temp_path {run}/scgi;
  default_type application/octet-stream;
"""

# `on` is "" for every address or "10.77.0.9:" for one; `files` is the folder that is served there.
# nginx picks the server by the address that was dialled, behind one socket for all of them: so only
# the first may have options of a socket.
SERVERS = """\
  server {{
    listen {on}{hub_port}{options};
    set $file ""; set $repo "";
    location ~ ^/api/models/{owner}/(?<repo_>[a-z]+)/tree/ {{
      set $repo $repo_; default_type application/json; alias {root}/api/$repo_.tree.json;
    }}
    location ~ ^/api/models/{owner}/(?<repo_>[a-z]+)(/revision/[^/]+)?$ {{
      set $repo $repo_; default_type application/json; alias {root}/api/$repo_.json;
    }}
    location ~ ^/{owner}/(?<repo_>[a-z]+)/resolve/[^/]+/(?<path_>.*\\.safetensors)$ {{
      set $repo $repo_; set $file "/$repo_/$path_";
      add_header X-Repo-Commit $commit always; add_header Accept-Ranges bytes always;
      add_header X-Linked-Etag '"$tag"' always; add_header X-Linked-Size $bytes always;
      add_header ETag '"$tag"' always;
      return 302 http://$host:{storage_port}/$repo_/$path_?Expires=4102444800&Signature=lab&Key-Pair-Id=LAB;
    }}
    location ~ ^/{owner}/(?<repo_>[a-z]+)/resolve/[^/]+/(?<path_>.*)$ {{
      set $repo $repo_; set $file "/$repo_/$path_";
      add_header X-Repo-Commit $commit always; add_header ETag '"$tag"' always;
      alias {files}/$repo_/$path_;
    }}
  }}
  server {{
    listen {on}{storage_port}{options};
    root {files};
    set $file $uri; set $repo "";
    add_header ETag '"$tag"';
  }}
"""


def table(source: str, target: str, rows: Iterable[tuple[str, object]]) -> str:
    """An nginx map from one variable to another; what is not in it is empty."""
    lines = "".join(f'    "{key}" "{value}";\n' for key, value in rows)
    return f'  map ${source} ${target} {{\n    default "";\n{lines}  }}\n'


def configuration(root: Path, run: Path, repos: list[Repo], corrupt_at: str | None = None) -> str:
    """The whole file. `run` gets pid and logs; at the address `corrupt_at` the files are wrong."""
    files = [(f"/{repo.name}/{file.path}", file) for repo in repos for file in repo.files]
    ports = {"hub_port": HUB_PORT, "storage_port": STORAGE_PORT, "owner": OWNER, "root": root}
    text = HEAD.format(run=run, error_log=ERROR_LOG)
    text += table("file", "tag", ((path, file.etag) for path, file in files))
    text += table("file", "bytes", ((path, file.size) for path, file in files))
    text += table("repo", "commit", ((repo.name, repo.commit) for repo in repos))
    text += SERVERS.format(on="", options=" backlog=4096", files=root / "files", **ports)
    if corrupt_at is not None:
        text += SERVERS.format(on=f"{corrupt_at}:", options="", files=root / "corrupt", **ports)
    return text + "}\n"


def failure(log: str) -> str | None:
    """Why the server did not start, out of its error log; None if it did."""
    return next((line for line in log.splitlines() if "[emerg]" in line), None)
