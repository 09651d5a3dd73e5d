# syncd in a container: docker build -t syncd .   Then, with config.toml and mappings/ in ./acme:
#   docker run -v "$PWD/acme:/etc/syncd:ro" -v syncd:/var/lib/syncd -e SYNCD_CLIENT_SECRET syncd run
# In config.toml: [store] url = "sqlite:////var/lib/syncd/syncd.db", [exports] and [plans] folders below /var/lib/syncd.

FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/runtime.lock requirements/build.lock requirements/
RUN python -m venv /opt/syncd \
 && /opt/syncd/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.lock \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.lock
COPY pyproject.toml README.md LICENSE config.example.toml ./
COPY mappings mappings
COPY syncd syncd
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/syncd/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/syncd --shell /usr/sbin/nologin syncd \
 && install -d -o syncd -g syncd -m 0700 /var/lib/syncd
COPY --from=build /opt/syncd /opt/syncd
ENV PATH=/opt/syncd/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/syncd
VOLUME /var/lib/syncd
HEALTHCHECK --interval=60s --timeout=10s --start-period=300s CMD ["syncd", "status", "--healthcheck"]
ENTRYPOINT ["syncd"]
CMD ["run"]
