# The dashboard for a server of yours, behind a login:
#
#   docker build -t rustpbx-lab .
#   echo '{"ada": "a long password"}' > users.json && chmod 644 users.json
#   docker run --rm -p 127.0.0.1:5006:5006 \
#     -v ./users.json:/run/secrets/users.json:ro -v rustpbx-lab:/data \
#     rustpbx-lab --endpoint ws://pbx.example:8080
#
# Without a file of users it does not start: in a container it has to listen on an
# address that others can reach. TLS belongs in front of it (a reverse proxy); a name
# other than localhost has to be allowed: --allow-host lab.example.

FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never \
    UV_NO_CACHE=1 UV_PROJECT_ENVIRONMENT=/opt/rustpbx-lab
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /src
# "--extra webrtc", "--extra local": what `serve` alone does not need
ARG EXTRAS=""
COPY pyproject.toml uv.lock README.md LICENSE ./
# shellcheck disable=SC2086  (several words are meant)
RUN uv sync --locked --no-default-groups --no-install-project ${EXTRAS}
COPY rustpbx_lab rustpbx_lab
COPY notebooks notebooks
# shellcheck disable=SC2086
RUN uv sync --locked --no-default-groups --no-editable ${EXTRAS}

FROM python:3.13-slim
RUN useradd --system --uid 10001 --user-group --create-home lab \
    && install --directory --owner lab --group lab /data
COPY --from=build /opt/rustpbx-lab /opt/rustpbx-lab
ENV PATH=/opt/rustpbx-lab/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 5006
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:5006/', timeout=4)"]
ENTRYPOINT ["rustpbx-lab", "serve", "--address", "0.0.0.0", "--port", "5006", "--no-browser", "--basic-auth", "/run/secrets/users.json", "--logs", "/data/logs"]
