"""A service that says hello: what the `build` workload changes a line of."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def hello() -> dict[str, str]:
    return {"message": "Hello"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8000)
